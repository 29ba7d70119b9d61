#!/usr/bin/env node
// The command line from any folder; under an older Node it goes through the bootstrap of the checkout.
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const bootstrap = fileURLToPath(new URL('../../bootstrap/run.mjs', import.meta.url));

if (Number.parseInt(process.versions.node, 10) >= 24) {
  await import(pathToFileURL(main).href);
} else if (existsSync(bootstrap)) {
  process.argv.splice(1, 1, bootstrap, '--production', main);
  await import(pathToFileURL(bootstrap).href);
} else {
  process.stderr.write(`osproxy needs Node 24 or newer; this is Node ${process.versions.node}.\n`);
  process.exitCode = 1;
}
