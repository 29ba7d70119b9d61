import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { osproxy } from './store-folder.ts';

const SENTENCE =
  'The database is newer than this build: it has the migration "9999-of-tomorrow"; start a build that knows it.';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'osproxy-newer-'));
  await osproxy(['migrate'], environment(), folder);
  const database = new DatabaseSync(join(folder, 'data', 'osproxy.db'));
  database.exec("insert into schema_migrations values ('9999-of-tomorrow', '2099-01-01T00:00:00.000Z')");
  database.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function environment(): Record<string, string> {
  return { OSPROXY_PORT: '0', OSPROXY_DATA_DIR: join(folder, 'data') };
}

test.for([
  ['serve'],
  ['migrate'],
  ['migrate', '--dry-run'],
  ['fsck'],
  ['fsck', '--repair'],
  ['stores', 'list'],
  ['stores', 'moves'],
  ['stores', 'move', '--from', 'local', '--to', 'local'],
  ['tasks', 'list'],
  ['tasks', 'retry', '1'],
  ['keys', 'list'],
  ['keys', 'create', '--name', 'shop'],
  ['keys', 'revoke', '1'],
])('%j refuses a newer database', async (args) => {
  const { code, out, errors } = await osproxy(args, environment(), folder);
  expect({ code, out, errors }).toEqual({ code: 1, out: '', errors: `${SENTENCE}\n` });
});

test('doctor shows it as what is wrong', async () => {
  const { code, out } = await osproxy(['doctor', '--json'], environment(), folder);
  expect(code).toBe(1);
  const [detail] = SENTENCE.split(';');
  expect(JSON.parse(out)).toContainEqual(
    expect.objectContaining({ check: 'database', ok: false, detail, fix: 'Start a build that knows it.' }),
  );
});
