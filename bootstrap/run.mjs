#!/usr/bin/env node
// Runs a file of this checkout under Node ≥ 24 with its dependencies in place, whatever Node started it:
//   node bootstrap/run.mjs [--production] <file> [arguments …]
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { provideDependencies } from './dependencies.mjs';
import { BootstrapFailure, say } from './failure.mjs';
import { launch } from './launch.mjs';
import { provideNode } from './toolchain.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const args = process.argv.slice(2);
const production = args[0] === '--production';
const [target, ...rest] = production ? args.slice(1) : args;

// A signal during an installation ends it; the 'exit' event then stops npm too.
const stop = () => process.exit(130);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, stop);

try {
  if (target === undefined) {
    throw new BootstrapFailure(
      'say which file to run: node bootstrap/run.mjs [--production] <file> [arguments …]',
    );
  }
  const node = await provideNode(root);
  await provideDependencies(root, node, { production });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.off(signal, stop);
  await launch(root, node, [isAbsolute(target) ? target : join(root, target), ...rest]);
} catch (error) {
  if (error instanceof BootstrapFailure) say(error.message);
  else if (error?.code) say(`${error.message}.`);
  else throw error;
  process.exit(1);
}
