import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import type { TestModule } from 'vitest/node';

const MOST_WORKERS = 4;

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
          skipped.push(`${module.relativeModuleId} > ${test.fullName}: ${reason ?? 'no reason given'}`);
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

export default defineConfig(({ mode }) => ({
  test: {
    include:
      mode === 'soak'
        ? ['test/soak/**/*.test.ts']
        : ['src/**/*.test.ts', 'test/**/*.test.ts', '../bootstrap/**/*.test.mjs'],
    exclude: mode === 'soak' ? [] : ['test/soak/**'],
    globalSetup: ['test/services/global-setup.ts'],
    pool: 'forks',
    maxWorkers: Math.max(1, Math.min(availableParallelism(), MOST_WORKERS)),
    testTimeout: mode === 'soak' ? 3_600_000 : 30_000,
    hookTimeout: 60_000,
    reporters: ['default', totals],
  },
}));
