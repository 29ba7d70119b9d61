import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import type { TestModule } from 'vitest/node';
import { PROFILES, type ProfileName } from './test/profiles/names.ts';

const MOST_WORKERS = 4;
/** Many tests wait most of their time: for a lease, for a pause, for a server to come back. */
const BESIDE = 1;

/** One plain line with the totals at the end; with CI=true a skipped test fails the run, because there everything must be proven. */
const totals = {
  onTestRunEnd(modules: readonly TestModule[]) {
    const count = { passed: 0, failed: 0, skipped: 0 };
    const skipped: string[] = [];
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      if (module.state() === 'failed' && !tests.some((test) => test.result().state === 'failed'))
        count.failed += 1;
      for (const test of tests) {
        const result = test.result();
        if (result.state === 'passed' || result.state === 'failed') count[result.state] += 1;
        else {
          count.skipped += 1;
          const reason = result.state === 'skipped' ? result.note : undefined;
          skipped.push(
            `${module.project.name}: ${module.relativeModuleId} > ${test.fullName}: ${reason ?? 'no reason given'}`,
          );
        }
      }
    }
    for (const line of skipped) console.log(`skipped: ${line}`);
    console.log(`tests: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
    if (process.env.CI === 'true' && count.skipped > 0) {
      console.error('With CI=true no test may be skipped.');
      process.exitCode = 1;
    }
  },
};

/** All tests, and those of a profile again on its stores and databases: `--project all`, `--project ceph`. */
const everything = {
  include: ['src/**/*.test.ts', 'test/**/*.test.ts', '../bootstrap/**/*.test.mjs'],
  exclude: ['test/soak/**'],
};

const soak = { include: ['test/soak/**/*.test.ts'] };

const shared = {
  pool: 'forks',
  testTimeout: 30_000,
  hookTimeout: 60_000,
  // On a machine that is busy a log line may take longer than the second that is the default.
  expect: { poll: { timeout: 10_000 } },
} as const;

const ofProfiles = Object.entries(PROFILES).map(([name, folders]) => ({
  test: {
    ...shared,
    name,
    include: folders.flatMap((path) => [`test/e2e/${path}/**/*.test.ts`, `test/e2e/${path}.test.ts`]),
    runner: 'test/profiles/runner.ts',
    provide: { profile: name as ProfileName },
  },
}));

export default defineConfig(({ mode }) => ({
  test: {
    // Once for all projects, so that they share the servers.
    globalSetup: ['test/services/global-setup.ts'],
    maxWorkers: Math.min(availableParallelism() + BESIDE, MOST_WORKERS),
    reporters: ['default', totals],
    projects:
      mode === 'soak'
        ? [{ test: { ...shared, ...soak, name: 'soak', testTimeout: 3_600_000 } }]
        : [{ test: { ...shared, ...everything, name: 'all' } }, ...ofProfiles],
  },
}));
