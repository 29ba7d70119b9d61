import { afterEach, describe, expect, it } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { changed, chunksOf, lose, openRig, type Rig, type RigOptions, sha256, some } from './rig.ts';

let rig: Rig;
const open = async (options?: RigOptions) => {
  rig = await openRig(options);
  return rig;
};
afterEach(() => rig.close());

const file = (bytes: Uint8Array, facts = {}) =>
  rig.uploads.writeFile({ owner: 'a', name: 'n', ...facts }, chunksOf(bytes));

/** A database whose transactions end in another way than they went. */
function failing(after: () => unknown): (metadata: Metadata) => Metadata {
  return (metadata) =>
    new Proxy(metadata, {
      get: (target, name) => {
        const member = Reflect.get(target, name, target) as unknown;
        if (name !== 'transaction') return typeof member === 'function' ? member.bind(target) : member;
        return async (work: Parameters<Metadata['transaction']>[0]) => {
          const result = await target.transaction(work);
          const error = after();
          if (error !== undefined) throw error;
          return result;
        };
      },
    });
}

describe('Ingest', () => {
  it.each([0, 1, 60_000, 65_536, 65_537, 1_048_576, 1_500_000])(
    'stores equal contents of %i bytes once',
    async (size) => {
      await open();
      const bytes = some(size);
      const [one, two] = [await file(bytes), await file(bytes)];
      expect(one.uid).not.toBe(two.uid);
      expect(one.manifestId).toBe(two.manifestId);
      expect(await rig.keysIn()).toHaveLength(1);
      expect((await rig.read(one.uid)).equals(bytes)).toBe(true);
    },
  );

  it.each([false, true])(
    'keeps exactly one object and one blob of 50 equal contents at once (disk: %s)',
    async (disk) => {
      await open({ disk });
      const bytes = some(100_000);
      const files = await Promise.all(Array.from({ length: 50 }, () => file(bytes)));
      expect(new Set(files.map((one) => one.uid)).size).toBe(50);
      expect(await rig.keysIn()).toHaveLength(1);
      expect(await rig.blobs()).toHaveLength(1);
      for (const { uid } of files) expect((await rig.read(uid)).equals(bytes)).toBe(true);
    },
  );

  it('leaves nothing behind when the bytes are not what was declared', async () => {
    await open({ disk: true });
    for (const size of [10, 200_000]) {
      const bytes = some(size);
      await expect(file(bytes, { sha256: 'f'.repeat(64) })).rejects.toMatchObject({
        code: 'ChecksumMismatch',
      });
      await expect(file(bytes, { md5: 'f'.repeat(32) })).rejects.toMatchObject({ code: 'ChecksumMismatch' });
      await expect(file(bytes, { size: size + 1 })).rejects.toMatchObject({ code: 'InvalidArgument' });
      await expect(file(bytes, { size: size - 1 })).rejects.toMatchObject({ code: 'InvalidArgument' });
    }
    expect(await rig.keysIn()).toEqual([]);
    expect(await rig.blobs()).toEqual([]);
  });

  it('ends the sender when the store refuses before it reads', async () => {
    await open({
      wrap: (driver) =>
        changed(driver, { put: () => Promise.reject(new OsproxyError('Unavailable', 'The store is down.')) }),
    });
    let ended = false;
    const sender = async function* () {
      try {
        for (;;) yield some(50_000);
      } finally {
        ended = true;
      }
    };
    const writing = rig.uploads.writeFile({ owner: 'a', name: 'n' }, sender());
    await expect(writing).rejects.toMatchObject({ code: 'Unavailable' });
    expect(ended).toBe(true);
  });

  it('heals a copy whose bytes went missing, and readers of older files find the new one', async () => {
    await open();
    const bytes = some(5000);
    const old = await file(bytes);
    const [blob] = await rig.blobs();
    for (const placement of blob?.placements ?? []) await lose(rig, placement);
    const healed = await file(bytes);
    expect(healed.manifestId).toBe(old.manifestId);
    expect((await rig.read(healed.uid)).equals(bytes)).toBe(true);
    expect((await rig.read(old.uid)).equals(bytes)).toBe(true);
    expect(await rig.blobs()).toHaveLength(1);
    expect(await rig.keysIn()).toHaveLength(1);
  });

  it('never trusts a known content of several parts of which one is missing', async () => {
    await open({ wrap: (driver) => changed(driver, {}) });
    const parts = [some(3000), some(4000)];
    const whole = Buffer.concat(parts);
    const upload = await rig.uploads.create({ owner: 'a', name: 'n' });
    for (const [i, part] of parts.entries())
      await rig.uploads.writePart(upload.uid, i + 1, chunksOf(part), {});
    const old = await rig.uploads.complete(upload.uid);
    await rig.metadata.transaction((r) =>
      r.files.markVerified(
        old.uid,
        old.manifestId,
        { sha256: sha256(whole), md5: undefined, sha1: undefined },
        1,
      ),
    );
    expect((await file(whole)).manifestId).toBe(old.manifestId);
    const blob = await rig.metadata.blobs.findLive(sha256(parts[1] ?? whole), 4000);
    for (const placement of blob?.placements ?? []) await lose(rig, placement);
    expect(await rig.instant.claim({ owner: 'a', name: 'n', sha256: sha256(whole) })).toBeUndefined();
    const anew = await file(whole);
    expect(anew.manifestId).not.toBe(old.manifestId);
    expect((await rig.read(anew.uid)).equals(whole)).toBe(true);
    await expect(rig.read(old.uid)).rejects.toMatchObject({ code: 'Unavailable' });
  });

  it('deletes the bytes when the commit surely failed', async () => {
    await open();
    const refuse = () => {
      throw new OsproxyError('QuotaExceeded', 'The disk of the database is full.');
    };
    const { signal } = new AbortController();
    for (const size of [10, 100_000]) {
      const landed = await rig.ingest.land(chunksOf(some(size)), {}, signal);
      const commit = rig.ingest.commit(landed, async (_r, settle) => {
        await settle();
        refuse();
      });
      await expect(commit).rejects.toMatchObject({ code: 'QuotaExceeded' });
    }
    expect(await rig.keysIn()).toEqual([]);
  });

  it.each(['Unavailable', 'Internal'] as const)(
    'keeps the bytes when the commit may have happened: %s',
    async (code) => {
      let broken = true;
      await open({
        wrapMetadata: failing(() => (broken ? new OsproxyError(code, 'The answer got lost.') : undefined)),
      });
      const bytes = some(2000);
      await expect(file(bytes)).rejects.toMatchObject({ code });
      broken = false;
      // It did happen: the blob is there, and so must be its bytes.
      expect(await rig.blobs()).toHaveLength(1);
      expect(await rig.keysIn()).toHaveLength(1);
      expect((await rig.read((await file(bytes)).uid)).equals(bytes)).toBe(true);
    },
  );

  it('counts only the last run of a transaction that runs twice', async () => {
    await open();
    const landed = await rig.ingest.land(chunksOf(some(2000)), {}, undefined);
    let runs = 0;
    const twice: Metadata['transaction'] = async (work) => {
      await rig.metadata
        .transaction(async (r) => {
          await work(r);
          throw new Error('conflict');
        })
        .catch(() => {});
      return rig.metadata.transaction(work);
    };
    const commit = rig.ingest.commit(
      landed,
      async (_r, settle) => {
        runs += 1;
        if (runs === 1) await settle();
      },
      twice,
    );
    await commit;
    expect(runs).toBe(2);
    expect(await rig.keysIn()).toEqual([]);
  });

  it('tells the client to send again when purge took its bytes for an orphan before the commit', async () => {
    await open();
    const bytes = some(2000);
    const landed = await rig.ingest.land(chunksOf(bytes), {}, undefined);
    const { store, key } = landed.placement;
    expect(await rig.metadata.transaction((r) => r.blobs.doom(store, key, 1))).toBe(true);
    await rig.store.delete(key);
    const commit = rig.ingest.commit(landed, (_r, settle) => settle());
    await expect(commit).rejects.toMatchObject({ code: 'Unavailable', retryable: true });
    expect(await rig.blobs()).toEqual([]);
    expect((await rig.read((await file(bytes)).uid)).equals(bytes)).toBe(true);
  });

  it('does not repeat a transaction that failed for another reason than its bytes', async () => {
    await open();
    const landed = await rig.ingest.land(chunksOf(some(2000)), {}, undefined);
    let runs = 0;
    const commit = rig.ingest.commit(landed, async (_r, settle) => {
      runs += 1;
      await settle();
      throw new OsproxyError('AlreadyExists', 'The idempotency key is taken.');
    });
    await expect(commit).rejects.toMatchObject({ code: 'AlreadyExists' });
    expect(runs).toBe(1);
    expect(await rig.keysIn()).toEqual([]);
  });

  it('deletes landed bytes when the database cannot be asked about copies', async () => {
    await open();
    const { findLive } = rig.metadata.blobs;
    rig.metadata.blobs.findLive = () =>
      Promise.reject(new OsproxyError('Unavailable', 'The database is away.'));
    await expect(file(some(2000))).rejects.toMatchObject({ code: 'Unavailable' });
    rig.metadata.blobs.findLive = findLive;
    expect(await rig.keysIn()).toEqual([]);
  });
});
