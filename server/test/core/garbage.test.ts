import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { isOsproxyError, OsproxyError } from '#core/errors.ts';
import type { Principal } from '#core/model/principal.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { changed, chunksOf, HOUR_MS, openRig, type Rig, type RigOptions, some, sourceOf } from './rig.ts';

let rig: Rig;
const open = async (options?: RigOptions) => {
  rig = await openRig(options);
};
afterEach(() => rig.close());

const admin: Principal = { kind: 'service', keyId: 'k', owner: 'a', scopes: new Set(['admin']) };
const file = (bytes: Uint8Array) => rig.uploads.writeFile({ owner: 'a', name: 'n' }, chunksOf(bytes, 700));

/** Small, fast and repeatable; not for secrets. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Transactions begin some milliseconds late, which opens every gap between bytes and rows wide; purge goes past it. */
function delaying(random: (below: number) => number): (metadata: Metadata) => Metadata {
  return (metadata) =>
    new Proxy(metadata, {
      get: (target, name) => {
        const member = Reflect.get(target, name, target) as unknown;
        if (name !== 'transaction') return typeof member === 'function' ? member.bind(target) : member;
        return async (work: Parameters<Metadata['transaction']>[0]) => {
          await sleep(random(20));
          return target.transaction(work);
        };
      },
    });
}

describe('purge', () => {
  it('removes the bytes of a deleted file after the grace time, not before, and shared ones with the last file', async () => {
    await open();
    const bytes = some(5000);
    const [one, two] = [await file(bytes), await file(bytes)];
    await rig.files.delete(admin, one.uid);
    rig.clock.offset += 2 * HOUR_MS;
    await rig.purge();
    expect((await rig.read(two.uid)).equals(bytes)).toBe(true);
    await rig.files.delete(admin, two.uid);
    await rig.purge();
    expect(await rig.keysIn()).toHaveLength(1);
    rig.clock.offset += 0.9 * HOUR_MS;
    await rig.purge();
    expect(await rig.keysIn()).toHaveLength(1);
    rig.clock.offset += 0.2 * HOUR_MS;
    await rig.purge();
    expect(await rig.keysIn()).toEqual([]);
    expect(await rig.metadata.files.find(two.uid)).toBeUndefined();
  });

  it('keeps a content that was taken again within the grace time', async () => {
    await open();
    const bytes = some(5000);
    const one = await file(bytes);
    await rig.files.delete(admin, one.uid);
    rig.clock.offset += 2 * HOUR_MS;
    const two = await file(bytes);
    await rig.purge();
    rig.clock.offset += 2 * HOUR_MS;
    await rig.purge();
    expect((await rig.read(two.uid)).equals(bytes)).toBe(true);
  });

  it('takes up condemned blobs whose deletion was cut off', async () => {
    await open();
    const one = await file(some(5000));
    await rig.files.delete(admin, one.uid);
    const later = rig.clock.now() + 1;
    await rig.metadata.transaction((r) => r.manifests.removeIdle(later, 10));
    const { condemned } = await rig.metadata.transaction((r) => r.blobs.condemnIdle(later, 10));
    expect(condemned).toHaveLength(1);
    expect(await rig.keysIn()).toHaveLength(1);
    await rig.purge();
    expect(await rig.keysIn()).toEqual([]);
    expect(await rig.metadata.blobs.condemned(undefined, 10)).toEqual([]);
  });

  it('removes orphans older than the grace time and leaves younger ones', async () => {
    await open();
    await rig.store.put('lost/1', sourceOf(some(10)));
    await rig.purge();
    expect(await rig.keysIn()).toEqual(['lost/1']);
    rig.clock.offset += 2 * HOUR_MS;
    await rig.store.put('lost/2', sourceOf(some(10)));
    await rig.purge();
    expect(await rig.keysIn()).toEqual([]);
  });

  it('cleans the other stores while one is down, then fails so that it is tried again', async () => {
    let down = true;
    await open({
      wrap: (driver) =>
        changed(driver, {
          delete: async (key, options) => {
            if (down) throw new OsproxyError('Unavailable', 'The store is down.');
            await driver.delete(key, options);
          },
        }),
    });
    const one = await file(some(5000));
    await rig.files.delete(admin, one.uid);
    await rig.other.put('lost/1', sourceOf(some(10)));
    rig.clock.offset += 2 * HOUR_MS;
    await expect(rig.purge()).rejects.toMatchObject({ code: 'Unavailable' });
    expect(await rig.keysIn(rig.other)).toEqual([]);
    expect(await rig.keysIn()).toHaveLength(1);
    expect(await rig.metadata.files.find(one.uid)).toBeUndefined();
    down = false;
    await rig.purge();
    expect(await rig.keysIn()).toEqual([]);
  });

  it('gets past blobs that it cannot delete or has to keep, however many', async () => {
    let tried = 0;
    let code: 'Unavailable' | 'PermissionDenied' = 'PermissionDenied';
    await open({
      wrap: (driver) =>
        changed(driver, {
          delete: async (key, options) => {
            if (key.startsWith('locked/')) {
              tried += 1;
              throw new OsproxyError(code, 'The store refuses.');
            }
            await driver.delete(key, options);
          },
        }),
    });
    const kept = await file(some(5000));
    const now = rig.clock.now();
    const namedBlob = (await rig.blobs())[0]?.id ?? '';
    await rig.metadata.transaction(async (r) => {
      for (let i = 0; i < 450; i += 1) {
        const blob = { md5: undefined, sha1: undefined, size: i, createdAt: now };
        const id = rig.ids.next();
        const placement = { store: 'main', node: undefined, key: `locked/${i}` };
        await r.blobs.insert({ ...blob, id, sha256: String(i).padStart(64, '0') }, placement);
        await r.blobs.markIdle([id], now);
      }
      await r.blobs.markIdle([namedBlob], now - 1);
      for (let looked = 1; looked > 0; ) ({ looked } = await r.blobs.condemnIdle(now, 200));
    });
    const last = await file(some(6000));
    await rig.files.delete(admin, last.uid);
    await rig.metadata.transaction(async (r) => {
      await r.manifests.removeIdle(rig.clock.now() + 1, 10);
      expect((await r.blobs.condemnIdle(rig.clock.now() + 1, 10)).condemned).toHaveLength(1);
    });
    await expect(rig.purge()).rejects.toMatchObject({ code: 'PermissionDenied' });
    expect(tried).toBe(450);
    expect(await rig.keysIn()).toHaveLength(1);
    expect((await rig.read(kept.uid)).length).toBe(5000);
    tried = 0;
    code = 'Unavailable';
    await expect(rig.purge()).rejects.toMatchObject({ code: 'Unavailable' });
    expect(tried).toBe(20);
  });

  it('ends at once when its task was taken over', async () => {
    await open();
    const one = await file(some(5000));
    await rig.files.delete(admin, one.uid);
    rig.clock.offset += 2 * HOUR_MS;
    const lost = new OsproxyError('Conflict', 'The task was taken over by another node.');
    await expect(rig.runTask('purge', {}, { commit: () => Promise.reject(lost) })).rejects.toBe(lost);
    await expect(rig.runTask('purge', {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'Cancelled',
    });
    expect(await rig.keysIn()).toHaveLength(1);
  });

  it('never deletes bytes of other nodes', async () => {
    await open();
    const one = await file(some(5000));
    const [blob] = await rig.blobs();
    const far = { store: 'main', node: 'n2', key: 'far/1' };
    await rig.metadata.transaction((r) => r.blobs.addPlacement(blob?.id ?? '', far));
    await rig.files.delete(admin, one.uid);
    rig.clock.offset += 2 * HOUR_MS;
    await rig.purge();
    expect(await rig.keysIn()).toHaveLength(1);
    expect(await rig.metadata.blobs.condemned(undefined, 10)).toHaveLength(1);
  });

  it.each(['memory', 'disk'])(
    'loses no byte of any file while equal contents come, go and are purged without grace (%s)',
    async (store) => {
      const seed = Number(process.env.OSPROXY_TEST_SEED ?? Date.now() % 1_000_000);
      console.log(`purge race: seed ${seed}`);
      let plain: Metadata | undefined;
      const wrapMetadata = (metadata: Metadata) => {
        plain = metadata;
        return delaying(randomOf(seed - 1))(metadata);
      };
      await open({ graceMs: 0, disk: store === 'disk', wrapMetadata });
      const commit = plain?.transaction.bind(plain);
      const contents = Array.from({ length: 4 }, (_, i) => some(200 + i * 40_000));
      const seen = { written: 0, sentAgain: 0 };
      const check = async (uid: string, bytes: Buffer) => {
        const read = await rig.read(uid).catch((error: unknown) => error);
        if (!(read instanceof Buffer) || !read.equals(bytes))
          throw new Error(`seed ${seed}: ${uid} is lost`, { cause: read });
      };
      const write = async (random: (below: number) => number, bytes: Buffer) => {
        if (random(3) > 0) return (await file(bytes)).uid;
        const { uid } = await rig.uploads.create({ owner: 'a', name: 'n' });
        try {
          if (random(2) > 0) await rig.uploads.writePart(uid, 1, chunksOf(some(10)), {});
          await rig.uploads.writePart(uid, 1, chunksOf(bytes), {});
          return (await rig.uploads.complete(uid)).uid;
        } catch (error) {
          await rig.uploads.abort(uid);
          throw error;
        }
      };
      const client = async (number: number) => {
        const random = randomOf(seed + number);
        for (let round = 0; round < 40; round += 1) {
          const bytes = contents[random(contents.length)] as Buffer;
          try {
            const uid = await write(random, bytes);
            seen.written += 1;
            await check(uid, bytes);
            if (random(2) > 0) await sleep(random(5));
            await check(uid, bytes);
            await rig.files.delete(admin, uid);
          } catch (error) {
            if (!isOsproxyError(error, 'Unavailable')) throw error;
            seen.sentAgain += 1;
          }
        }
      };
      let working = true;
      const purging = [0, 1].map(async () => {
        while (working) {
          await rig.runTask('purge', {}, commit && { commit });
          await sleep(1);
        }
      });
      const clients = await Promise.allSettled([0, 1, 2, 3, 4, 5].map(client));
      working = false;
      const purges = await Promise.allSettled(purging);
      expect([...clients, ...purges].filter((one) => one.status === 'rejected')).toEqual([]);
      console.log(`purge race: ${JSON.stringify(seen)}`);
      expect(seen.written).toBeGreaterThan(50);
      await sleep(5);
      for (let i = 0; i < 2; i += 1) await rig.purge();
      expect(await rig.keysIn()).toEqual([]);
      expect(await rig.blobs()).toEqual([]);
    },
    60_000,
  );
});
