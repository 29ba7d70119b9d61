// Lint, types and unused code, one after the other; all three report even when the first one fails.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const modules = join(import.meta.dirname, '..', 'node_modules');
const steps = [
  ['biome', [join(modules, '@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings', '.']],
  ['tsc', [join(modules, 'typescript', 'bin', 'tsc'), '--noEmit', '-p', 'server']],
  ['knip', [join(modules, 'knip', 'bin', 'knip.js')]],
];
const failed = [];
for (const [name, args] of steps) {
  const { status } = spawnSync(process.execPath, args, {
    cwd: join(import.meta.dirname, '..'),
    stdio: 'inherit',
  });
  if (status !== 0) failed.push(name);
}
console.log(
  failed.length === 0 ? 'check: biome, tsc and knip are clean' : `check: ${failed.join(', ')} failed`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
