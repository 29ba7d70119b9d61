import { copyFile, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openPlace, type Place, some, until } from '#test/e2e/stores/two-stores.ts';
import { scrubEnded, scrubReport } from './scrub-rounds.ts';

const FILES = 60;
const SIZE = 500_000;

let place: Place;
afterEach(() => place?.close());

const report = () => scrubReport(place);
const ended = (round: number) => scrubEnded(place, round);

test('what went bad on a disk is mended from another, through kill -9, while it is read', {
  timeout: 120_000,
}, async () => {
  place = await openPlace(`
stores:
  - { name: one, type: local-disk, path: one }
  - { name: two, type: local-disk, path: two }
scrub: { mibPerSecond: 10 }
tasks: { leaseSeconds: 5 }
cache: { smallObjectsMiB: 0 }
`);
  await ended(1);
  const contents = new Map<string, Buffer>();
  for (let i = 0; i < FILES; i += 1) {
    const bytes = some(SIZE + i);
    contents.set((await place.client.put(`f${i}`, bytes)).uid, bytes);
  }
  const rows = await place.query("select blob_id, node, key from placements where store = 'one'");
  const pathIn = (store: string, key: unknown) => join(place.dataDir, store, 'objects', String(key));
  for (const { blob_id, node, key } of rows) {
    await mkdir(dirname(pathIn('two', key)), { recursive: true });
    await copyFile(pathIn('one', key), pathIn('two', key));
    await place.execute(
      `insert into placements (store, node, key, blob_id) values ('two', '${node}', '${key}', ${blob_id})`,
    );
  }
  for (const [index, { key }] of rows.entries()) {
    const path = pathIn(index % 2 === 0 ? 'one' : 'two', key);
    if (index % 6 < 2) await rm(path);
    else if (index % 6 < 4) await truncate(path, 1000);
    else {
      const bytes = await readFile(path);
      bytes[index] = (bytes[index] ?? 0) ^ 0x40;
      await writeFile(path, bytes);
    }
  }
  expect((await place.client.call('POST', '/scrub')).status).toBe(200);
  for (let kills = 0; kills < 3; kills += 1) {
    await new Promise((resolve) => setTimeout(resolve, 900));
    await place.service.kill();
    await place.restart();
  }
  await ended(2);
  const { stores, findings } = await report();
  expect(findings).toEqual([]);
  expect(stores.map((one) => one.damaged + one.skipped)).toEqual([0, 0]);
  for (const [uid, bytes] of contents)
    expect((await place.client.content(uid)).bytes.equals(bytes)).toBe(true);
  const copies = await place.query('select count(*) as n from placements where blob_id is not null');
  expect(Number(copies[0]?.n)).toBe(2 * FILES);
  const { code, out } = await place.command('fsck', '--deep');
  // What a kill cut off is bytes without a name, which purge finds; nothing that is named is wrong.
  expect(out.split('\n').filter((line) => /damaged|missing|unreadable/.test(line))).toEqual([]);
  expect(code).toBe(0);
  const told = await place.command('scrub', 'status');
  expect([told.code, told.out]).toEqual([0, expect.stringMatching(/STORE.*\n.*one/)]);
});

test('content without another copy is reported until it is here again, and a store that is away is no damage', {
  timeout: 90_000,
}, async () => {
  place = await openPlace(`
stores:
  - { name: one, type: local-disk, path: one }
cache: { smallObjectsMiB: 0 }
`);
  await ended(1);
  const bytes = some(SIZE);
  const { uid } = await place.client.put('a', bytes);
  const [row] = await place.query('select key from placements where blob_id is not null');
  await truncate(join(place.dataDir, 'one', 'objects', String(row?.key)), 10);
  await place.client.call('POST', '/scrub');
  await ended(2);
  expect((await report()).findings).toMatchObject([{ kind: 'damaged', lost: true, files: [uid] }]);
  const told = await place.command('scrub', 'status');
  expect([told.code, told.out]).toEqual([1, expect.stringContaining(uid)]);
  const metrics = await (await fetch(`${place.service.url}/metrics`)).text();
  expect(metrics).toMatch(/osproxy_scrub_findings\{store="one",state="lost"\} 1/);
  const events = await place.query('select type from events');
  expect(events.filter(({ type }) => type === 'blob.damaged')).toHaveLength(1);
  const again = await place.client.put('b', bytes);
  for (const one of [uid, again.uid])
    expect((await place.client.content(one)).bytes.equals(bytes)).toBe(true);
  expect((await report()).findings).toEqual([]);

  await rm(join(place.dataDir, 'one'), { recursive: true });
  await place.client.call('POST', '/scrub');
  await until('the store is in trouble', async () => (await report()).stores[0]?.trouble !== undefined);
  expect((await report()).findings).toEqual([]);
});

test('switched off, it says so', async () => {
  place = await openPlace('scrub: { periodDays: 0 }\n');
  expect((await place.client.call('POST', '/scrub')).status).toBe(409);
  expect(await report()).toEqual({ isOn: false, stores: [], findings: [] });
  expect(await place.query("select id from tasks where type like 'scrub%'")).toEqual([]);
});
