import { copyFileSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Control } from './flaky-store.ts';
import { openPlace, type Place, some } from './two-stores.ts';

const MODULE = fileURLToPath(new URL('./flaky-store.ts', import.meta.url));
const MIB = 1024 * 1024;

describe('a file in two stores', () => {
  let place: Place;
  let folder: string;
  const bytes = some(20 * MIB);
  let uid: string;
  let paths: { readonly flaky: string; readonly second: string };
  const control = (wanted: Control) => writeFileSync(join(folder, 'control.json'), JSON.stringify(wanted));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'osproxy-flaky-'));
    control({});
    place = await openPlace(
      `
stores:
  - { name: flaky, type: ${MODULE}, path: ${folder}/flaky, control: ${folder}/control.json }
  - { name: second, type: local-disk, path: ${folder}/second }
cache: { smallObjectsMiB: 0, ttlSeconds: 1 }
`,
    );
    ({ uid } = await place.client.put('film.bin', bytes));
    const [row] = await place.query(
      "select blob_id, key, node from placements where store = 'flaky' and blob_id is not null",
    );
    const key = String(row?.key);
    paths = { flaky: join(folder, 'flaky/objects', key), second: join(folder, 'second/objects', key) };
    mkdirSync(dirname(paths.second), { recursive: true });
    copyFileSync(paths.flaky, paths.second);
    await place.execute(
      `insert into placements (store, node, key, blob_id) values ('second', '${row?.node}', '${key}', ${row?.blob_id})`,
    );
  });
  beforeEach(() => control({}));
  afterAll(async () => {
    await place.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The last store that failed is left alone for some seconds; the next test wants it asked first again. */
  const rested = () => place.restart();

  it.each<[string, Control]>([
    ['refuses', { read: 'refuse' }],
    ['has lost the object', { read: 'missing' }],
    ['throws at once', { read: 'throw', after: 0 }],
    ['throws in the middle', { read: 'throw', after: 7 * MIB + 13 }],
    ['throws before the last byte', { read: 'throw', after: 20 * MIB - 1 }],
    ['ends early without a word', { read: 'end', after: 5 * MIB + 1 }],
  ])('is read whole and in ranges though the first store %s', async (_how, wanted) => {
    await rested();
    control(wanted);
    const whole = await place.client.content(uid);
    expect([whole.status, whole.bytes.equals(bytes)]).toEqual([200, true]);
    const range = await place.client.content(uid, { range: `bytes=${3 * MIB}-${18 * MIB}` });
    expect([range.status, range.bytes.equals(bytes.subarray(3 * MIB, 18 * MIB + 1))]).toEqual([206, true]);
  });

  it('is read by many at once while the first store comes and goes', async () => {
    await rested();
    let failures = 0;
    const stopAt = Date.now() + 4000;
    const flicker = (async () => {
      while (Date.now() < stopAt) {
        control({ read: 'throw', after: Math.floor(Math.random() * 20 * MIB) });
        await new Promise((resolve) => setTimeout(resolve, 100));
        control({});
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
    const readers = Array.from({ length: 5 }, async () => {
      while (Date.now() < stopAt) {
        const answer = await place.client.content(uid);
        if (answer.status !== 200 || !answer.bytes.equals(bytes)) failures += 1;
      }
    });
    await Promise.all([flicker, ...readers]);
    expect(failures).toBe(0);
  });

  it('is read though the file vanishes or is cut on the disk', async () => {
    await rested();
    copyFileSync(paths.flaky, `${paths.flaky}-kept`);
    truncateSync(paths.flaky, 9 * MIB);
    expect((await place.client.content(uid)).bytes.equals(bytes)).toBe(true);
    rmSync(paths.flaky);
    expect((await place.client.content(uid)).bytes.equals(bytes)).toBe(true);
    copyFileSync(`${paths.flaky}-kept`, paths.flaky);
    rmSync(`${paths.flaky}-kept`);
  });

  it('ends the connection when no store is left: it never pads and never pretends', async () => {
    await rested();
    copyFileSync(paths.second, `${folder}/kept`);
    rmSync(paths.second);
    control({ read: 'throw', after: 4 * MIB });
    await expect(place.client.content(uid)).rejects.toThrowError();
    control({ read: 'refuse' });
    const refused = await place.client.content(uid);
    expect([refused.status, refused.json.code, refused.headers['retry-after']]).toEqual([
      503,
      'Unavailable',
      '5',
    ]);
    expect(readdirSync(join(folder, 'second'))).toContain('objects');
  });
});
