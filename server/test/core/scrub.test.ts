import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { COMMAND } from '#core/audit/caller.ts';
import { OsproxyError } from '#core/errors.ts';
import type { Placement } from '#core/model/blob.ts';
import { writeMark } from '#core/store-marks.ts';
import {
  changed,
  chunksOf,
  HOUR_MS,
  openRig,
  type Rig,
  type RigOptions,
  sha256,
  some,
  sourceOf,
} from './rig.ts';

let rig: Rig;
const open = async (options: RigOptions = {}) => {
  rig = await openRig({ disk: true, scrubBytesPerSecond: 1e9, ...options });
  for (const store of ['main', 'other']) await writeMark(rig, store);
};
afterEach(() => rig.close());

const file = (bytes: Uint8Array) => rig.uploads.writeFile({ owner: 'a', name: 'n' }, chunksOf(bytes));
const blobOf = async (bytes: Uint8Array) => {
  const blob = await rig.metadata.blobs.findLive(sha256(bytes), bytes.length);
  if (blob === undefined) throw new Error('no blob');
  return blob;
};
const placementOf = async (bytes: Uint8Array): Promise<Placement> => {
  const [first] = (await blobOf(bytes)).placements;
  if (first === undefined) throw new Error('no placement');
  return first;
};
const pathOf = async (bytes: Uint8Array) =>
  join(rig.folder, 'objects', 'objects', (await placementOf(bytes)).key);
/** A second copy, in the store "other". */
const copied = async (bytes: Uint8Array, key: string, content = bytes) => {
  await rig.other.put(key, sourceOf(content));
  const copy = { store: 'other', node: 'n1', key };
  const { id } = await blobOf(bytes);
  await rig.metadata.transaction((r) => r.blobs.addPlacement(id, copy));
};
const scrub = () => rig.runTask('scrub.n1', {});
const round = (store = 'main') => rig.metadata.scrubs.find(store, 'n1');
const events = async () => {
  await rig.metadata.transaction((r) => r.events.sequence(1000));
  const all = await rig.metadata.events.after(undefined, 1000);
  return all.filter(({ type }) => type.startsWith('blob.'));
};

const HARM: Readonly<Record<string, (path: string) => Promise<void>>> = {
  'a flipped bit': async (path) => {
    const bytes = await readFile(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(path, bytes);
  },
  'a lost tail': (path) => truncate(path, 10),
  'a lost object': (path) => rm(path),
};

describe('scrub', () => {
  it.each(Object.entries(HARM))(
    '%s is replaced from another copy, and the bad bytes go after the grace time',
    async (_name, harm) => {
      await open();
      const bytes = some(300_000);
      const { uid } = await file(bytes);
      const well = some(200_000);
      await file(well);
      await copied(bytes, 'copy/1');
      const bad = await placementOf(bytes);
      await harm(await pathOf(bytes));
      expect(await scrub()).toBe('done');
      expect(await round()).toMatchObject({ blobs: 2, bytes: 500_000, repaired: 1, damaged: 0, skipped: 0 });
      const { placements, id } = await blobOf(bytes);
      expect(placements.map(({ store }) => store).toSorted()).toEqual(['main', 'other']);
      expect(placements.map(({ key }) => key)).not.toContain(bad.key);
      expect(
        (
          await readFile(
            join(
              rig.folder,
              'objects',
              'objects',
              placements.find(({ store }) => store === 'main')?.key ?? '',
            ),
          )
        ).equals(bytes),
      ).toBe(true);
      expect((await rig.read(uid)).equals(bytes)).toBe(true);
      expect((await rig.fsck({ deep: true })).findings).toEqual([]);
      expect(await events()).toMatchObject([{ type: 'blob.repaired', subject: id, data: { store: 'main' } }]);
      rig.clock.offset += 2 * HOUR_MS;
      await rig.purge();
      expect(await rig.keysIn()).not.toContain(bad.key);
      expect((await rig.fsck({ deep: true, graceMs: -1000 })).findings).toEqual([]);
    },
  );

  it.each(Object.entries(HARM))(
    '%s without another copy is told once, with the files that need it; nothing is taken away',
    async (_name, harm) => {
      await open();
      const bytes = some(100_000);
      const { uid } = await file(bytes);
      const path = await pathOf(bytes);
      await harm(path);
      const before = await readFile(path).catch(() => undefined);
      await scrub();
      expect(await round()).toMatchObject({ damaged: 1, repaired: 0 });
      const { findings } = await rig.scrub.report();
      expect(findings).toMatchObject([{ store: 'main', lost: true, files: [uid] }]);
      await rig.scrub.start(COMMAND);
      rig.clock.offset += 1;
      await scrub();
      expect((await round())?.round).toBe(2);
      expect(await events()).toMatchObject([{ type: 'blob.damaged', data: { files: [uid], size: 100_000 } }]);
      expect(await readFile(path).catch(() => undefined)).toEqual(before);
      expect((await rig.metadata.files.find(uid))?.state).toBe('ready');
    },
  );

  it('the same content sent again takes the place of what was lost', async () => {
    await open();
    const bytes = some(100_000);
    const first = await file(bytes);
    await HARM['a flipped bit']?.(await pathOf(bytes));
    await scrub();
    const second = await file(bytes);
    for (const { uid } of [first, second]) expect((await rig.read(uid)).equals(bytes)).toBe(true);
    expect((await blobOf(bytes)).placements).toHaveLength(1);
    expect((await rig.scrub.report()).findings).toEqual([]);
    expect((await rig.fsck({ deep: true })).findings).toEqual([]);
  });

  it('a copy that is bad as well is no source, and good bytes are never touched', async () => {
    await open();
    const [bytes, well] = [some(100_000), some(90_000)];
    await file(bytes);
    await file(well);
    await copied(bytes, 'copy/bad', some(100_000));
    await HARM['a flipped bit']?.(await pathOf(bytes));
    const kept = await placementOf(well);
    await scrub();
    expect(await round()).toMatchObject({ damaged: 1, repaired: 0 });
    expect(await round('other')).toMatchObject({ damaged: 1, repaired: 0 });
    expect((await rig.scrub.report()).findings.map(({ lost }) => lost)).toEqual([true, true]);
    expect(await placementOf(well)).toEqual(kept);
    expect(await rig.keysIn()).toHaveLength(3);
  });

  it('waits for a copy that cannot be read now, and then mends', async () => {
    let away = false;
    await open({
      wrapOther: (driver) =>
        changed(driver, {
          open: async (...args) => {
            if (away) throw new OsproxyError('Unavailable', 'away');
            return driver.open(...args);
          },
        }),
    });
    const bytes = some(100_000);
    await file(bytes);
    await copied(bytes, 'copy/1');
    await HARM['a flipped bit']?.(await pathOf(bytes));
    away = true;
    await scrub();
    expect((await rig.scrub.report()).findings).toMatchObject([{ lost: false }]);
    expect(await events()).toEqual([]);
    away = false;
    await scrub();
    expect((await rig.scrub.report()).findings).toHaveLength(1);
    rig.clock.offset += HOUR_MS / 4;
    await scrub();
    expect((await rig.scrub.report()).findings).toEqual([]);
    expect((await rig.fsck({ deep: true })).findings).toEqual([]);
  });

  it.each(['is away', 'was emptied'])(
    'a store that %s is not damage; it goes on when the store is back',
    async (how) => {
      let broken = false;
      const fail = async () => {
        throw how === 'is away'
          ? new OsproxyError('Unavailable', 'The store does not answer.')
          : new OsproxyError('NotFound', 'The store holds no such object.');
      };
      await open({
        wrap: (driver) =>
          changed(driver, {
            stat: (...args) => (broken ? fail() : driver.stat(...args)),
            open: (...args) => (broken ? fail() : driver.open(...args)),
          }),
      });
      for (let i = 0; i < 5; i += 1) await file(some(1000 + i));
      await scrub();
      await rig.scrub.start(COMMAND);
      rig.clock.offset += 10;
      broken = true;
      await scrub();
      expect(await round()).toMatchObject({ round: 1, damaged: 0, trouble: expect.stringContaining('tore') });
      expect((await rig.scrub.report()).findings).toEqual([]);
      broken = false;
      await scrub();
      expect(await round()).toMatchObject({ round: 2, blobs: 5, damaged: 0, skipped: 0, trouble: undefined });
    },
  );

  it('goes on behind the last blob that was written down, in a round that is under way', async () => {
    await open();
    const contents = Array.from({ length: 250 }, (_, i) => some(100 + i));
    for (const bytes of contents) await file(bytes);
    const ids = (await rig.blobs()).map(({ id }) => id);
    const started = {
      ...{ store: 'main', node: 'n1', round: 7, startedAt: rig.clock.now(), endedAt: undefined },
      ...{ lastBlob: ids[199] ?? '', afterBlob: ids[49], blobs: 50, bytes: 0, repaired: 0, damaged: 0 },
      ...{ skipped: 0, trouble: undefined, requestedAt: undefined, updatedAt: 0 },
    };
    await rig.metadata.transaction((r) => r.scrubs.save(started));
    await scrub();
    expect(await round()).toMatchObject({ round: 7, blobs: 200, endedAt: expect.any(Number) });
    await scrub();
    expect((await round())?.round).toBe(7);
    rig.clock.offset += HOUR_MS + 1;
    await scrub();
    expect(await round()).toMatchObject({ round: 8, blobs: 250 });
  });

  it('is repaired while it is being read, and readers see only whole contents', async () => {
    await open();
    const bytes = some(3_000_000);
    const { uid } = await file(bytes);
    await copied(bytes, 'copy/1');
    await rm(await pathOf(bytes));
    const reading = Array.from({ length: 20 }, () => rig.read(uid));
    await scrub();
    for (const read of await Promise.all([...reading, rig.read(uid)])) expect(read.equals(bytes)).toBe(true);
    expect(await round()).toMatchObject({ repaired: 1 });
  });

  it('reads no faster than it may', async () => {
    await open({ scrubBytesPerSecond: 1_000_000 });
    for (let i = 0; i < 4; i += 1) await file(some(500_000 + i));
    const from = performance.now();
    await scrub();
    expect(performance.now() - from).toBeGreaterThan(1500);
    expect(await round()).toMatchObject({ blobs: 4 });
  });
});
