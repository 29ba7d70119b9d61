import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { API_KEY, startService } from '../e2e/service.ts';
import { SmallDisk } from './small-disk.ts';
import { osproxy } from './store-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'osproxy-start-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The real service ends by itself with 1, says one sentence and shows no stack. */
async function refusesToStart(env: Record<string, string>, sentence: RegExp): Promise<void> {
  const base = { OSPROXY_PORT: '0', OSPROXY_API_KEY: API_KEY, OSPROXY_DATA_DIR: join(folder, 'data') };
  const { code, out, errors } = await osproxy(['serve'], { ...base, ...env }, folder);
  expect(errors.trim().split('\n'), out).toHaveLength(1);
  expect(errors).toMatch(sentence);
  expect(errors).toMatch(/^[A-Z].*\.( \(.+\))?$/m);
  expect(out).not.toContain('"listening"');
  expect(code).toBe(1);
}

test('a data folder on a read-only disk', async ({ skip }) => {
  const small = SmallDisk.mount(4, skip);
  try {
    await mkdir(join(small.folder, 'data'));
    small.remount('ro');
    await refusesToStart({ OSPROXY_DATA_DIR: join(small.folder, 'data') }, /read-only file system/);
  } finally {
    small.close();
  }
});

test('a full disk below the data folder', async ({ skip }) => {
  const small = SmallDisk.mount(4, skip);
  try {
    await mkdir(join(small.folder, 'data'));
    await small.fill(0);
    await refusesToStart({ OSPROXY_DATA_DIR: join(small.folder, 'data') }, /full/);
  } finally {
    small.close();
  }
});

test('a store on a read-only disk', async ({ skip }) => {
  const small = SmallDisk.mount(4, skip);
  try {
    small.remount('ro');
    const stores = [{ name: 'local', type: 'local-disk', path: join(small.folder, 'files') }];
    await refusesToStart({ OSPROXY_STORES: JSON.stringify(stores) }, /read-only/);
  } finally {
    small.close();
  }
});

test('a database of a newer version, which stays as it is', async () => {
  const dataDir = join(folder, 'data');
  await mkdir(dataDir);
  const service = await startService({ dataDir });
  await service.stop();
  const path = join(dataDir, 'osproxy.db');
  const database = new DatabaseSync(path);
  const tables = database.prepare(`select name from sqlite_master where name like '%migration%'`).all();
  const names = tables.map(({ name }) => String(name));
  const table = names.find((name) => !name.includes('lock')) ?? '';
  database
    .prepare(`insert into "${table}" (name, timestamp) values ('9999-from-the-future', '2099-01-01')`)
    .run();
  database.close();
  await refusesToStart({}, /newer/);
  await refusesToStart({}, /newer/);
});

test('a database file that is none', async () => {
  await mkdir(join(folder, 'data'));
  await writeFile(
    join(folder, 'data', 'osproxy.db'),
    'this is no database, but it is a file of some length\n'.repeat(40),
  );
  await refusesToStart({}, /not an SQLite database/);
});

test('a port that is taken, while the data folder can be used again at once', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const address = taken.address();
  const port = typeof address === 'object' ? String(address?.port) : '';
  try {
    await refusesToStart({ OSPROXY_PORT: port }, /already in use/);
  } finally {
    taken.close();
  }
  const service = await startService({ dataDir: join(folder, 'data') });
  expect(await service.stop()).toBe(0);
});

test('folders below one in which nothing can be made', async ({ skip }) => {
  if (!existsSync('/proc/self')) skip('this system has no /proc');
  const nowhere = '/proc/osproxy/data';
  await refusesToStart(
    { OSPROXY_DATA_DIR: nowhere },
    /data folder .* cannot be written: it cannot be made there/,
  );
  await refusesToStart(
    { OSPROXY_LOG_FILE_PATH: `${nowhere}/log` },
    /log file .* its folder cannot be made there/,
  );
  await refusesToStart({ OSPROXY_DATABASE_URL: `sqlite:${nowhere}/x.db` }, /database .* cannot be opened/);
  const stores = [{ name: 'local', type: 'local-disk', path: nowhere }];
  await refusesToStart({ OSPROXY_STORES: JSON.stringify(stores) }, /store/);
  const written = await osproxy(['config', 'reference', '--output', `${nowhere}/x.md`], {}, folder);
  expect(written).toMatchObject({ code: 1, errors: expect.stringContaining('ENOENT') });
});

/** Too long for a name, so that nobody is asked for its address. */
const NO_HOST = 'n'.repeat(64);

test.each([
  ['postgres://u:sesame@127.0.0.1:1/db', /server at 127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/],
  ['mariadb://u:sesame@127.0.0.1:1/db', /server at 127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/],
  [`postgres://u:sesame@${NO_HOST}/db`, /server at n{64}:5432 cannot be reached/],
  [`mysql://u:sesame@${NO_HOST}/db`, /server at n{64}:3306 cannot be reached/],
])('a database server that cannot be reached: %s', async (url, sentence) => {
  await refusesToStart({ OSPROXY_DATABASE_URL: url }, sentence);
});

test.each([
  [
    { type: 'smoke' },
    /The event sink "hook" has the type "smoke"; it must be one of kafka, rabbitmq, webhook\./,
  ],
  [{ secret: 'x' }, /The event sink "hook" of type webhook has a wrong setting: secret is \(hidden\)/],
  [{ url: 'http://10.0.0.1/' }, /not an address of the public internet; set allowPrivate to true/],
])('an event sink that is wrong: %o', async (wrong, sentence) => {
  const secret = `whsec_${Buffer.alloc(32).toString('base64')}`;
  const sinks = [{ name: 'hook', type: 'webhook', url: 'https://example.com/', secret, ...wrong }];
  await refusesToStart({ OSPROXY_EVENTS_SINKS: JSON.stringify(sinks) }, sentence);
});
