import { afterEach, describe, expect, it } from 'vitest';
import { COMMAND } from '#core/audit/caller.ts';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { changed, chunksOf, openRig, owner, type Rig, type RigOptions, sha256, some } from './rig.ts';

let rig: Rig;
const open = async (options?: RigOptions) => {
  rig = await openRig(options);
};
afterEach(() => rig.close());

const IMAGE = Buffer.concat([Buffer.from('ffd8ffe000104a464946', 'hex'), some(500)]);
const keysBy = async () => ({ main: await rig.keysIn(), other: await rig.keysIn(rig.other) });
const storesOf = async (uid: string) =>
  (await rig.metadata.files.content(uid))?.parts.map(({ placements }) =>
    placements.map(({ store }) => store),
  );
const write = (name: string, bytes: Buffer, size: number | undefined = bytes.length) =>
  rig.uploads.writeFile({ owner: 'a', name, size }, chunksOf(bytes));

describe('where new files go', () => {
  it('is what the rules say for files, whole uploads and parts', async () => {
    await open({
      rules: [
        { match: { category: 'image' }, store: 'other' },
        { match: { key: 'special' }, store: 'other' },
      ],
    });
    expect(await storesOf((await write('a.png', IMAGE)).uid)).toEqual([['other']]);
    expect(await storesOf((await write('a.txt', some(10))).uid)).toEqual([['main']]);
    const keyed = { owner: 'a', name: 'a.txt', keyId: 'special' };
    expect(await storesOf((await rig.uploads.writeFile(keyed, chunksOf(some(11)))).uid)).toEqual([['other']]);
    const { uid } = await rig.uploads.create({ owner: 'a', name: 'b.png' });
    await rig.uploads.writeWhole(uid, chunksOf(some(12)), {});
    expect(await storesOf(uid)).toEqual([['other']]);
  });

  it('stays with an upload from its creation on: every part goes there', async () => {
    await open({ rules: [{ match: { minSize: 1000 }, store: 'other' }] });
    const { uid, store } = await rig.uploads.create({ owner: 'a', name: 'n', size: 3000 });
    expect(store).toBe('other');
    for (const number of [1, 2, 3]) await rig.uploads.writePart(uid, number, chunksOf(some(1000)), {});
    await rig.uploads.complete(uid);
    expect(await storesOf(uid)).toEqual([['other'], ['other'], ['other']]);
    expect((await keysBy()).main).toEqual([]);
    await rig.startRunner();
    // The parts are together, so the store joins them itself.
    await expect.poll(() => storesOf(uid), { timeout: 10_000 }).toEqual([['other']]);
  });
});

describe('limits of a store', () => {
  const limits = { main: { maxFileSize: 1000, allowedTypes: ['image/*'] } };
  const refusal = async (made: Promise<unknown>, code: string) => {
    await expect(made).rejects.toMatchObject({ code });
    expect(await keysBy()).toEqual({ main: [], other: [] });
  };

  it('refuse a declared size before a byte is read', async () => {
    await open({ limits });
    let asked = false;
    const body = (async function* () {
      asked = true;
      yield IMAGE;
    })();
    await refusal(rig.uploads.writeFile({ owner: 'a', name: 'a.png', size: 1001 }, body), 'TooLarge');
    expect(asked).toBe(false);
    await refusal(rig.uploads.create({ owner: 'a', name: 'a.png', size: 1001 }), 'TooLarge');
    const { uid } = await rig.uploads.create({ owner: 'a', name: 'a.png' });
    await refusal(rig.uploads.writePart(uid, 1, body, { size: 1001 }), 'TooLarge');
    await refusal(rig.uploads.writeWhole(uid, body, { size: 1001 }), 'TooLarge');
    expect(asked).toBe(false);
  });

  it('end a body of unknown size, and a sum of parts, that grow too large', async () => {
    await open({ limits });
    const large = Buffer.concat([IMAGE, some(600)]);
    await refusal(rig.uploads.writeFile({ owner: 'a', name: 'a.png' }, chunksOf(large, 100)), 'TooLarge');
    const { uid } = await rig.uploads.create({ owner: 'a', name: 'a.png' });
    await rig.uploads.writePart(uid, 1, chunksOf(IMAGE), {});
    await rig.uploads.writePart(uid, 2, chunksOf(some(900)), {});
    await expect(rig.uploads.complete(uid)).rejects.toMatchObject({ code: 'TooLarge' });
    expect((await rig.uploads.status(owner, uid)).upload.state).toBe('open');
  });

  it('go by the bytes, not by the name, and leave nothing of what they refuse', async () => {
    await open({ limits });
    await refusal(write('a.png', Buffer.from('%PDF-1.4\n%âãÏÓ\n')), 'Unsupported');
    const { uid } = await rig.uploads.create({ owner: 'a', name: 'a.png' });
    await refusal(
      rig.uploads.writePart(uid, 1, chunksOf(Buffer.from('PK\u0003\u0004 zip')), {}),
      'Unsupported',
    );
    await refusal(rig.uploads.writeWhole(uid, chunksOf(Buffer.from('plain text')), {}), 'Unsupported');
    const file = await write('whatever.bin', IMAGE);
    expect(file.contentType).toBe('image/jpeg');
  });
});

describe('write-back', () => {
  const rules = [{ match: {}, store: 'main', thenTransferTo: 'other' }];
  const transfers = () => rig.metadata.tasks.list({ type: 'transfer' }, 100);

  it('brings a file to the second store, keeps the old bytes for the grace time, then removes them', async () => {
    await open({ rules });
    const bytes = some(200_000);
    const { uid } = await write('a', bytes);
    expect(await storesOf(uid)).toEqual([['main']]);
    await rig.startRunner();
    await expect.poll(() => storesOf(uid), { timeout: 10_000 }).toEqual([['other']]);
    expect((await rig.read(uid)).equals(bytes)).toBe(true);
    expect((await keysBy()).main).toHaveLength(1);
    await rig.purge();
    expect((await keysBy()).main).toHaveLength(1);
    expect((await rig.fsck({ deep: true, graceMs: -1000 })).findings).toEqual([]);
    rig.clock.offset += 2 * 3_600_000;
    await rig.purge();
    expect((await keysBy()).main).toEqual([]);
    expect((await rig.fsck({ deep: true, graceMs: -1000 })).findings).toEqual([]);
    expect((await rig.read(uid)).equals(bytes)).toBe(true);
  });

  it('waits for the verification of a file of parts', async () => {
    await open({ rules });
    const parts = [some(1000), some(1000)];
    const { uid } = await rig.uploads.create({ owner: 'a', name: 'n' });
    for (const [index, part] of parts.entries())
      await rig.uploads.writePart(uid, index + 1, chunksOf(part), {});
    await rig.uploads.complete(uid);
    expect(await transfers()).toEqual([]);
    await rig.startRunner();
    await expect.poll(() => storesOf(uid), { timeout: 10_000 }).toEqual([['other']]);
    expect((await rig.read(uid)).equals(Buffer.concat(parts))).toBe(true);
    expect((await rig.metadata.files.find(uid))?.verified).toBe(true);
  });

  it('is enqueued once for equal contents, and does nothing where nothing is left to do', async () => {
    await open({ rules });
    const bytes = some(100);
    const uids = [(await write('a', bytes)).uid, (await write('b', bytes)).uid];
    expect(await transfers()).toHaveLength(1);
    await rig.startRunner();
    for (const uid of uids) await expect.poll(() => storesOf(uid), { timeout: 10_000 }).toEqual([['other']]);
    const states = async () => (await transfers()).map(({ state }) => state);
    // While a transfer of the same content is running, no second one is made.
    await expect.poll(states).toEqual(['done']);
    await write('c', bytes);
    await expect.poll(states).toEqual(['done', 'done']);
    expect((await keysBy()).other).toHaveLength(1);
  });

  it('never believes a store that keeps other bytes: retried, parked with its reason, run again on demand', async () => {
    let bad = true;
    await open({
      rules,
      wrapOther: (driver: StorageDriver) =>
        new Proxy(driver, {
          get: (target, name) => {
            if (name === 'put' && bad) {
              return async (...all: Parameters<StorageDriver['put']>) => {
                const done = await target.put(...all);
                const [key] = all;
                const flipped = some(done.size);
                await target.put(key, { size: done.size, replayable: true, open: () => chunksOf(flipped) });
                return done;
              };
            }
            const member = Reflect.get(target, name, target) as unknown;
            return typeof member === 'function' ? member.bind(target) : member;
          },
        }),
    });
    const bytes = some(5000);
    const { uid } = await write('a', bytes);
    await rig.startRunner();
    await expect
      .poll(async () => (await transfers()).map(({ state }) => state), { timeout: 20_000 })
      .toEqual(['failed']);
    const [task] = await transfers();
    expect(task?.lastError).toMatch(/gave back other bytes/);
    expect(task?.attempts).toBe(3);
    expect(await storesOf(uid)).toEqual([['main']]);
    expect((await keysBy()).other).toEqual([]);
    expect((await rig.read(uid)).equals(bytes)).toBe(true);
    bad = false;
    await rig.tasks.retry(task?.id ?? '', COMMAND);
    await expect.poll(() => storesOf(uid), { timeout: 10_000 }).toEqual([['other']]);
    await expect(rig.tasks.retry(task?.id ?? '', COMMAND)).rejects.toMatchObject({ code: 'Conflict' });
  });

  it('leaves no copy behind when it is stopped while the copy is read again', async () => {
    const stop = new AbortController();
    await open({
      wrapOther: (driver: StorageDriver) =>
        changed(driver, {
          open: async (...all) => {
            stop.abort();
            return driver.open(...all);
          },
        }),
    });
    const bytes = some(200_000);
    await write('a', bytes);
    const blob = await rig.metadata.blobs.findLive(sha256(bytes), bytes.length);
    const job = { blobId: blob?.id, from: 'main', to: 'other' };
    await expect(rig.runTask('transfer', job, { signal: stop.signal })).rejects.toMatchObject({
      code: 'Cancelled',
    });
    expect((await keysBy()).other).toEqual([]);
  });

  it('does not spread damage: bytes that are not the recorded ones stay where they are', async () => {
    await open({ rules });
    const bytes = some(5000);
    const { uid } = await write('a', bytes);
    const [key = ''] = await rig.keysIn();
    await rig.store.put(key, { size: 5000, replayable: true, open: () => chunksOf(some(5000)) });
    const blob = await rig.metadata.blobs.findLive(sha256(bytes), 5000);
    const job = { blobId: blob?.id, from: 'main', to: 'other' };
    await expect(rig.runTask('transfer', job)).rejects.toMatchObject({
      message: expect.stringMatching(/not those that were recorded/),
    });
    expect([await storesOf(uid), (await keysBy()).other]).toEqual([[['main']], []]);
  });

  it('uses a copy that is there already, and replaces one that is not intact', async () => {
    await open();
    for (const intact of [true, false]) {
      const bytes = some(5000);
      const { uid } = await write('a', bytes);
      const blob = await rig.metadata.blobs.findLive(sha256(bytes), 5000);
      const id = blob?.id ?? '';
      const copy = { store: 'other', node: 'n1', key: `copy/${intact}` };
      const kept = intact ? bytes : some(5000);
      await rig.other.put(copy.key, { size: 5000, replayable: true, open: () => chunksOf(kept) });
      await rig.metadata.transaction((r) => r.blobs.addPlacement(id, copy));
      await rig.runTask('transfer', { blobId: id, from: 'main', to: 'other' });
      const placements = (await rig.metadata.blobs.find(id))?.placements ?? [];
      expect(placements.map(({ store }) => store)).toEqual(['other']);
      expect(placements[0]?.key === copy.key).toBe(intact);
      expect((await rig.read(uid)).equals(bytes)).toBe(true);
    }
  });
});
