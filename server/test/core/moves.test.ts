import { afterEach, describe, expect, it } from 'vitest';
import { COMMAND } from '#core/audit/caller.ts';
import { OsproxyError } from '#core/errors.ts';
import type { MoveRecord } from '#core/model/move.ts';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { MARK_KEY, whatIsSuspicious, writeMark } from '#core/store-marks.ts';
import { changed, chunksOf, openRig, type Rig, type RigOptions, some, sourceOf } from './rig.ts';

let rig: Rig;
const open = async (options?: RigOptions) => {
  rig = await openRig(options);
};
afterEach(() => rig.close());

const write = (name: string, bytes: Buffer, owner = 'a') =>
  rig.uploads.writeFile({ owner, name, size: bytes.length }, chunksOf(bytes));
const storesOf = async (uid: string) =>
  (await rig.metadata.files.content(uid))?.parts.flatMap(({ placements }) =>
    placements.map(({ store }) => store),
  );
const start = (more: Partial<Parameters<Rig['moves']['create']>[0]> = {}) =>
  rig.moves.create({ from: 'main', to: 'other', match: {}, ...more }, COMMAND);
const find = async ({ id }: MoveRecord) => (await rig.moves.report(id)).move;
const settled = async (move: MoveRecord) => {
  await expect.poll(async () => (await find(move)).state, { timeout: 20_000 }).not.toBe('running');
  return find(move);
};
const turn = (move: MoveRecord, run = move.run) => rig.runTask('move', { moveId: move.id, run });

describe('a move', () => {
  it('brings everything over, counts it, and keeps the old bytes for the grace time', async () => {
    await open();
    const contents = Array.from({ length: 250 }, (_, index) => some(100 + index));
    const files = await Promise.all(contents.map((bytes, index) => write(`f${index}`, bytes)));
    await write('twin', contents[0] ?? Buffer.alloc(0));
    const upload = await rig.uploads.create({ owner: 'a', name: 'open', notBefore: Date.now() + 1e9 });
    await rig.uploads.writePart(upload.uid, 1, chunksOf(some(50)), {});
    await rig.startRunner();
    const move = await settled(await start());
    const bytes = contents.reduce((sum, one) => sum + one.length, 0);
    expect(move).toMatchObject({
      state: 'done',
      failedBlobs: 0,
      total: { files: 251, blobs: 251, bytes: bytes + 50 },
    });
    expect(move.done).toEqual(move.total);
    for (const [index, { uid }] of files.entries()) {
      expect(await storesOf(uid)).toEqual(['other']);
      expect((await rig.read(uid)).equals(contents[index] ?? Buffer.alloc(0))).toBe(true);
    }
    expect((await rig.fsck({ deep: true, graceMs: -1000 })).findings).toEqual([]);
    expect(await rig.keysIn()).toHaveLength(251);
    rig.clock.offset += 2 * 3_600_000;
    await rig.purge();
    expect(await rig.keysIn()).toEqual([]);
    expect((await rig.fsck({ deep: true, graceMs: -1000 })).findings).toEqual([]);
    const usage = await rig.usages.now();
    expect([usage.get('main'), usage.get('other')?.objects]).toEqual([undefined, 251]);
    await rig.uploads.complete(upload.uid);
    expect((await rig.read(upload.uid)).length).toBe(50);
  });

  it('takes only what matches, and nothing that came after it began', async () => {
    await open();
    const film = await write('a.mp4', some(3000));
    const small = await write('b.mp4', some(10));
    const text = await write('c.txt', some(3000));
    const foreign = await write('d.mp4', some(3000), 'b');
    const shared = some(4000);
    const doc = await write('e.txt', shared);
    await write('e.mp4', shared);
    const move = await start({
      match: { category: 'video', extensions: ['.MP4'], minSize: 1000, owner: 'a' },
    });
    const late = await write('z.mp4', some(3000));
    await turn(move);
    expect(await find(move)).toMatchObject({ state: 'done', total: { files: 2, blobs: 2, bytes: 7000 } });
    expect(await storesOf(film.uid)).toEqual(['other']);
    // Equal contents are one blob: it goes where one of its files goes.
    expect(await storesOf(doc.uid)).toEqual(['other']);
    for (const { uid } of [small, text, foreign, late]) expect(await storesOf(uid)).toEqual(['main']);
  });

  it('pauses and goes on where it was, cancels, and drops what is being copied', async () => {
    let release: (() => void) | undefined;
    let copying = 0;
    await open({
      wrapOther: (driver) =>
        changed(driver, {
          put: async (key, source, options) => {
            copying += 1;
            if (copying > 5) {
              await new Promise<void>((resolve, reject) => {
                release = resolve;
                options?.signal?.addEventListener('abort', () => reject(options.signal?.reason));
              });
            }
            return driver.put(key, source, options);
          },
        }),
    });
    for (let i = 0; i < 20; i += 1) await write(`f${i}`, some(100));
    await rig.startRunner();
    const move = await start();
    await expect.poll(async () => (await find(move)).done.blobs, { timeout: 10_000 }).toBe(5);
    expect(await rig.moves.pause(move.id, COMMAND)).toMatchObject({ state: 'paused' });
    expect(await rig.moves.pause(move.id, COMMAND)).toMatchObject({ state: 'paused' });
    await expect
      .poll(async () => (await rig.metadata.tasks.list({ type: 'move' }, 9)).map(({ state }) => state), {
        timeout: 10_000,
      })
      .toEqual(['done']);
    expect(await rig.keysIn(rig.other)).toHaveLength(5);
    copying = -1000;
    release?.();
    await rig.moves.resume(move.id, COMMAND);
    expect(await settled(move)).toMatchObject({ state: 'done', run: 2, done: { blobs: 20 }, failedBlobs: 0 });
    expect(await rig.keysIn(rig.other)).toHaveLength(20);
    await expect(rig.moves.cancel(move.id, COMMAND)).rejects.toMatchObject({ code: 'Conflict' });
    expect(await rig.moves.resume(move.id, COMMAND)).toMatchObject({ state: 'done', run: 2 });

    const back = await rig.moves.create({ from: 'other', to: 'main', match: {} }, COMMAND);
    expect(await rig.moves.cancel(back.id, COMMAND)).toMatchObject({ state: 'cancelled' });
    expect(await rig.moves.cancel(back.id, COMMAND)).toMatchObject({ state: 'cancelled' });
    await expect(rig.moves.resume(back.id, COMMAND)).rejects.toMatchObject({ code: 'Conflict' });
    await expect(rig.moves.pause(back.id, COMMAND)).rejects.toMatchObject({ code: 'Conflict' });
  });

  it('leaves what fails where it is, with its reason, and tries it again on demand', async () => {
    const broken = new Set<number>();
    await open({
      wrapOther: (driver) =>
        changed(driver, {
          put: async (key, source, options) => {
            if (broken.has(source.size ?? 0))
              throw new OsproxyError('QuotaExceeded', 'There is no space left.');
            return driver.put(key, source, options);
          },
        }),
    });
    for (const size of [100, 200, 300]) await write(`f${size}`, some(size));
    broken.add(200);
    await rig.startRunner();
    const move = await settled(await start());
    expect(move).toMatchObject({ state: 'done', failedBlobs: 1, done: { blobs: 2, bytes: 400 } });
    const { failures } = await rig.moves.report(move.id);
    expect(failures).toHaveLength(1);
    expect(failures[0]?.reason).toMatch(/QuotaExceeded: There is no space left/);
    expect((await rig.fsck({ deep: true, graceMs: -1000 })).findings).toEqual([]);
    broken.clear();
    await rig.moves.resume(move.id, COMMAND);
    expect(await settled(move)).toMatchObject({
      state: 'done',
      failedBlobs: 0,
      done: { blobs: 3, bytes: 600 },
    });
    expect((await rig.moves.report(move.id)).failures).toEqual([]);
  });

  it('waits for a store that is away instead of calling everything failed', async () => {
    let down = false;
    const refuse = (): Promise<never> =>
      Promise.reject(new OsproxyError('Unavailable', 'The store is down.'));
    await open({
      wrapOther: (driver) =>
        changed(driver, {
          put: (...all) => (down ? refuse() : driver.put(...all)),
          stat: (...all) => (down ? refuse() : driver.stat(...all)),
        }),
    });
    for (let i = 0; i < 10; i += 1) await write(`f${i}`, some(100));
    down = true;
    const move = await start();
    await expect(turn(move)).rejects.toMatchObject({ code: 'Unavailable' });
    expect(await find(move)).toMatchObject({ state: 'running', failedBlobs: 0, done: { blobs: 0 } });
    down = false;
    await turn(move);
    expect(await find(move)).toMatchObject({ state: 'done', done: { blobs: 10 } });
  });

  it('never counts a blob twice, however many runs work on it at once', async () => {
    await open();
    for (let i = 0; i < 60; i += 1) await write(`f${i}`, some(100 + i));
    const move = await start();
    await Promise.all([turn(move), turn(move), turn(move)]);
    const ended = await find(move);
    expect(ended).toMatchObject({ state: 'done', failedBlobs: 0 });
    expect(ended.done).toEqual(ended.total);
    expect(await rig.keysIn(rig.other)).toHaveLength(60);
    expect((await rig.fsck({ deep: true, graceMs: -1000 })).findings).toEqual([]);
  });

  it('writes nothing in a run that another has followed', async () => {
    await open();
    for (let i = 0; i < 5; i += 1) await write(`f${i}`, some(100));
    const move = await start();
    await rig.moves.resume(move.id, COMMAND);
    expect(await turn(move, 1)).toBe('done');
    expect(await find(move)).toMatchObject({ state: 'running', run: 2, done: { blobs: 0 } });
    expect(await turn(move, 2)).toBe('done');
    expect(await find(move)).toMatchObject({ state: 'done', done: { blobs: 5 } });
  });

  it('keeps to its bandwidth', async () => {
    await open();
    for (let i = 0; i < 8; i += 1) await write(`f${i}`, some(100_000));
    const move = await start({ bytesPerSecond: 500_000 });
    const started = performance.now();
    await turn(move);
    expect(performance.now() - started).toBeGreaterThan(1000);
    expect((await find(move)).done.bytes).toBe(800_000);
  });

  it('is refused where it cannot be meant', async () => {
    await open();
    await expect(start({ to: 'main' })).rejects.toMatchObject({ code: 'InvalidArgument' });
    await expect(start({ from: 'nowhere' })).rejects.toMatchObject({
      message: 'There is no store "nowhere"; there are main, other.',
    });
    await expect(start({ match: { key: 'k' } })).rejects.toMatchObject({ code: 'InvalidArgument' });
    await expect(start({ match: { minSize: 2, maxSize: 1 } })).rejects.toMatchObject({
      code: 'InvalidArgument',
    });
    const move = await start();
    await expect(start()).rejects.toMatchObject({ code: 'Conflict' });
    await expect(start({ from: 'other', to: 'main' })).rejects.toMatchObject({ code: 'Conflict' });
    await rig.moves.cancel(move.id, COMMAND);
    await start();
    await expect(rig.moves.report('5')).rejects.toMatchObject({ code: 'NotFound' });
    await expect(rig.moves.pause('5', COMMAND)).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('is no obstacle to readers that began before it, nor to fsck and purge in its middle', async () => {
    let moved: (() => Promise<void>) | undefined;
    await open({
      graceMs: -1000,
      wrapOther: (driver) =>
        changed(driver, {
          put: async (...all) => {
            await moved?.();
            return driver.put(...all);
          },
        }),
    });
    const contents = Array.from({ length: 30 }, () => some(1000));
    const files = await Promise.all(contents.map((bytes, index) => write(`f${index}`, bytes)));
    const stale = await Promise.all(files.map(({ uid }) => rig.metadata.files.content(uid)));
    let looked = 0;
    moved = async () => {
      looked += 1;
      if (looked % 10 !== 0) return;
      await rig.purge();
      expect((await rig.fsck({ graceMs: 60_000 })).findings).toEqual([]);
    };
    const move = await start();
    await turn(move);
    await rig.purge();
    expect(await rig.keysIn()).toEqual([]);
    // Without any grace the places that these readers know are gone; the database knows better.
    for (const [index, content] of stale.entries()) {
      if (content === undefined) throw new Error('no content');
      const body = await rig.downloads.read(content, undefined, undefined);
      for await (const chunk of body.chunks) expect(contents[index]?.equals(chunk)).toBe(true);
    }
  });
});

describe('the mark of a store', () => {
  const fsckKinds = async (how: Parameters<Rig['fsck']>[0] = {}) =>
    (await rig.fsck({ graceMs: -1000, ...how })).findings.map(({ kind, repaired }) => [kind, repaired]);

  it('is written once and is no orphan', async () => {
    await open({ graceMs: -1000 });
    await writeMark(rig, 'main');
    const [first] = await rig.keysIn();
    expect(first).toBe(MARK_KEY);
    const before = (await rig.store.open(MARK_KEY)).bytes;
    await writeMark(rig, 'main');
    expect((await rig.store.open(MARK_KEY)).bytes).toEqual(before);
    expect(await fsckKinds({ repair: true })).toEqual([]);
    await rig.purge();
    expect(await rig.keysIn()).toEqual([MARK_KEY]);
    expect(await whatIsSuspicious(rig, 'main')).toBeUndefined();
    expect(await whatIsSuspicious(rig, 'other')).toBeUndefined();
  });

  it('missing or foreign: nothing is repaired or purged there, unless it is forced', async () => {
    await open({ graceMs: -1000 });
    await writeMark(rig, 'main');
    const kept = await write('a', some(100));
    for (const how of ['lost', 'foreign'] as const) {
      // As if another folder had been mounted: empty, or with things of somebody else.
      for (const key of await rig.keysIn()) await rig.store.delete(key);
      if (how === 'foreign') {
        await rig.store.put(MARK_KEY, sourceOf(Buffer.from('osproxy-of-somebody-else')));
        await rig.store.put('fo/re/ign', sourceOf(some(10)));
      }
      expect(await fsckKinds({ repair: true })).toEqual([['store-suspicious', false]]);
      await expect(rig.purge()).rejects.toMatchObject({ code: 'Unavailable' });
      if (how === 'foreign') expect(await rig.keysIn()).toContain('fo/re/ign');
      expect((await rig.metadata.files.find(kept.uid))?.state).toBe('ready');
    }
    const forced = await fsckKinds({ repair: true, force: true });
    expect(forced).toEqual([
      ['store-suspicious', true],
      ['bytes-missing', true],
      ['file-unreadable', true],
      ['orphan-bytes', true],
    ]);
    expect(await fsckKinds()).toEqual([]);
  });

  it('is put again when the first attempt was cut off, and says nothing of a store that is away', async () => {
    let down = true;
    const members = (driver: StorageDriver): Partial<StorageDriver> => ({
      put: (...all) => (down ? Promise.reject(new OsproxyError('Unavailable', 'down')) : driver.put(...all)),
      open: (...all) =>
        down ? Promise.reject(new OsproxyError('Unavailable', 'down')) : driver.open(...all),
    });
    await open({ wrap: (driver) => changed(driver, members(driver)) });
    await expect(writeMark(rig, 'main')).rejects.toMatchObject({ code: 'Unavailable' });
    expect(await whatIsSuspicious(rig, 'main')).toBeUndefined();
    down = false;
    await writeMark(rig, 'main');
    expect(await rig.keysIn()).toEqual([MARK_KEY]);
    down = true;
    expect(await whatIsSuspicious(rig, 'main')).toBeUndefined();
  });
});
