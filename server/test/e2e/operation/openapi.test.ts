import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const COMMITTED = new URL('../../../../docs/openapi.json', import.meta.url);

async function printed(): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'openapi'], {
    env: { PATH: process.env.PATH },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

test('docs/openapi.json is what the service says of itself; "npm run openapi" writes it again', async () => {
  const committed = await readFile(COMMITTED, 'utf8');
  expect(JSON.parse(committed)).toEqual(JSON.parse(await printed()));
  expect(committed.endsWith('}\n')).toBe(true);
});

test('it is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(JSON.parse(await printed()));
  expect(errors ?? []).toEqual([]);
  expect(valid).toBe(true);
  expect(validator.version).toBe('3.1');
});
