// npm run bench -- <name> runs bench/<name>.ts; without a name it lists what there is.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = join(import.meta.dirname, '..', 'bench');
const names = existsSync(folder)
  ? readdirSync(folder)
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => file.slice(0, -3))
      .sort()
  : [];
const list = names.length === 0 ? 'there are no benchmarks in bench/' : `benchmarks: ${names.join(', ')}`;
const name = process.argv[2];

if (name === undefined) {
  console.log(`${list}\nrun one with: npm run bench -- <name> [arguments …]`);
} else if (!names.includes(name)) {
  console.error(`There is no benchmark "${name}"; ${list}.`);
  process.exitCode = 2;
} else {
  const file = join(folder, `${name}.ts`);
  process.argv.splice(1, 2, file);
  await import(pathToFileURL(file).href);
}
