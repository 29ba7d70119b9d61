import { afterEach, describe, expect, it } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import {
  changed,
  chunksOf,
  HOUR_MS,
  lose,
  md5,
  openRig,
  owner,
  type Rig,
  type RigOptions,
  readAll,
  sha256,
  some,
} from './rig.ts';

let rig: Rig;
const open = async (options?: RigOptions) => {
  rig = await openRig(options);
};
afterEach(() => rig.close());

const parts = [some(3000), some(2000), some(1)];
const whole = Buffer.concat(parts);

/** A completed, unverified file of three parts. */
async function completed(facts: { md5?: string; sha256?: string } = {}) {
  const { uid } = await rig.uploads.create({ owner: 'a', name: 'n', ...facts });
  for (const [i, part] of parts.entries()) await rig.uploads.writePart(uid, i + 1, chunksOf(part), {});
  return rig.uploads.complete(uid);
}

const compose = ({ uid, manifestId }: { uid: string; manifestId: string }, more = {}) =>
  rig.runTask('compose', { uid, manifestId }, more);
const find = async (uid: string) => {
  const content = await rig.metadata.files.content(uid);
  if (content === undefined) throw new Error('no file');
  return content;
};
const sayCannotJoin = (driver: StorageDriver) => new Proxy(driver, { get: memberBut('compose') });
const memberBut = (hidden: string) => (target: StorageDriver, name: string | symbol) => {
  if (name === hidden) return undefined;
  const member = Reflect.get(target, name, target) as unknown;
  return typeof member === 'function' ? member.bind(target) : member;
};
const purged = async () => {
  for (let i = 0; i < 2; i += 1) {
    rig.clock.offset += 2 * HOUR_MS;
    await rig.purge();
  }
};

describe('compose', () => {
  it.each([false, true])(
    'verifies right content and keeps what readers see (joining store: %s)',
    async (joins) => {
      await open(joins ? {} : { wrap: sayCannotJoin });
      const before = await completed({ md5: md5(whole), sha256: sha256(whole) });
      expect(before.verified).toBe(false);
      expect(await compose(before)).toBe('done');
      const { file, parts: after } = await find(before.uid);
      expect(file).toMatchObject({
        verified: true,
        sha256: sha256(whole),
        md5: md5(whole),
        generation: before.generation,
      });
      expect(after).toHaveLength(joins ? 1 : 3);
      expect((await rig.read(before.uid)).equals(whole)).toBe(true);
      expect(await rig.instant.claim({ owner: 'a', name: 'x', sha256: sha256(whole) })).toBeDefined();
      expect(await compose(before)).toBe('nothing to do');
      await purged();
      expect(await rig.keysIn()).toHaveLength(joins ? 1 : 3);
      expect((await rig.read(before.uid)).equals(whole)).toBe(true);
      expect((await rig.fsck({ deep: true, graceMs: 0 })).findings).toEqual([]);
    },
  );

  it.each([{ md5: 'f'.repeat(32) }, { sha256: 'f'.repeat(64) }])(
    'rejects wrong content with its reason: %j',
    async (facts) => {
      await open();
      const before = await completed(facts);
      expect((await rig.read(before.uid)).equals(whole)).toBe(true);
      await compose(before);
      const { file } = await find(before.uid);
      expect(file).toMatchObject({ state: 'rejected', verified: false });
      expect(file.rejectedReason).toMatch(
        /^The (md5|sha256) of the content is not the one that was declared\.$/,
      );
      for (const digest of [{ sha256: sha256(whole) }, { md5: md5(whole) }, facts]) {
        expect(await rig.instant.claim({ owner: 'a', name: 'x', ...digest })).toBeUndefined();
      }
      await purged();
      expect(await rig.keysIn()).toEqual([]);
    },
  );

  it('lets readers of the parts finish undisturbed while the manifest is swapped', async () => {
    await open();
    const before = await completed();
    const old = await find(before.uid);
    const body = await rig.downloads.read(old, undefined, undefined);
    const iterator = body.chunks[Symbol.asyncIterator]();
    const first = Buffer.from((await iterator.next()).value ?? []);
    await compose(before);
    await rig.purge();
    const rest = await readAll({ [Symbol.asyncIterator]: () => iterator });
    expect(Buffer.concat([first, rest]).equals(whole)).toBe(true);
    expect((await readAll((await rig.downloads.read(old, undefined, undefined)).chunks)).equals(whole)).toBe(
      true,
    );
    expect((await find(before.uid)).file.manifestId).not.toBe(before.manifestId);
  });

  it('swaps to a content that is here already, and gives the parts to purge', async () => {
    await open();
    const twin = await rig.uploads.writeFile({ owner: 'b', name: 't' }, chunksOf(whole));
    const before = await completed();
    await compose(before);
    expect((await find(before.uid)).file).toMatchObject({ manifestId: twin.manifestId, verified: true });
    await purged();
    expect(await rig.keysIn()).toHaveLength(1);
    expect((await rig.read(before.uid)).equals(whole)).toBe(true);
  });

  it.each([false, true])(
    'never swaps to a content whose bytes went missing (joining store: %s)',
    async (joins) => {
      await open(joins ? {} : { wrap: sayCannotJoin });
      await rig.uploads.writeFile({ owner: 'b', name: 't' }, chunksOf(whole));
      const blob = await rig.metadata.blobs.findLive(sha256(whole), whole.length);
      for (const placement of blob?.placements ?? []) await lose(rig, placement);
      const before = await completed();
      await compose(before);
      expect((await find(before.uid)).file).toMatchObject({ state: 'ready', verified: true });
      await purged();
      expect((await rig.read(before.uid)).equals(whole)).toBe(true);
    },
  );

  it('leaves a claimed twin to purge when the file was deleted meanwhile', async () => {
    await open();
    const twin = await rig.uploads.writeFile({ owner: 'a', name: 't' }, chunksOf(whole));
    const before = await completed();
    await compose(before, {
      commit: async (work: Parameters<Rig['metadata']['transaction']>[0]) => {
        await rig.files.delete(owner, before.uid);
        await rig.files.delete(owner, twin.uid);
        return rig.metadata.transaction(work);
      },
    });
    await purged();
    expect(await rig.keysIn()).toEqual([]);
    expect(await rig.blobs()).toEqual([]);
  });

  it('leaves only an orphan when the process dies between joining and commit, and the next attempt succeeds', async () => {
    await open();
    const before = await completed();
    const joined = Promise.withResolvers<void>();
    const commit = () => {
      joined.resolve();
      return new Promise(() => {});
    };
    void compose(before, { commit });
    await joined.promise;
    expect(await rig.keysIn()).toHaveLength(4);
    expect((await rig.read(before.uid)).equals(whole)).toBe(true);
    await compose(before);
    expect((await find(before.uid)).file.verified).toBe(true);
    await purged();
    expect(await rig.keysIn()).toHaveLength(1);
    expect((await rig.read(before.uid)).equals(whole)).toBe(true);
  });

  it('writes nothing and removes what it joined when the task was taken over', async () => {
    await open();
    const before = await completed();
    const lost = new OsproxyError('Conflict', 'The task was taken over by another node.');
    await expect(compose(before, { commit: () => Promise.reject(lost) })).rejects.toBe(lost);
    expect((await find(before.uid)).file).toMatchObject({ verified: false, manifestId: before.manifestId });
    expect(await rig.keysIn()).toHaveLength(3);
  });

  it('keeps the parts when the store joined something else', async () => {
    await open({
      wrap: (driver) =>
        changed(driver, {
          compose: async (key) =>
            driver.put(key, { size: 3, replayable: true, open: () => chunksOf(some(3)) }),
        }),
    });
    const before = await completed();
    await compose(before);
    expect((await find(before.uid)).file.verified).toBe(true);
    expect((await rig.read(before.uid)).equals(whole)).toBe(true);
    expect(await rig.keysIn()).toHaveLength(3);
  });

  const failingToJoin = (error: OsproxyError) => ({
    wrap: (driver: StorageDriver) => changed(driver, { compose: () => Promise.reject(error) }),
  });

  it.each([
    'InvalidArgument',
    'TooLarge',
    'RangeNotSatisfiable',
    'QuotaExceeded',
    'PermissionDenied',
  ] as const)('ends at once with verified parts when the store refuses to join them: %s', async (code) => {
    await open(failingToJoin(new OsproxyError(code, 'Not these.')));
    const before = await completed({ sha256: sha256(whole) });
    expect(await compose(before)).toBe('done');
    expect((await find(before.uid)).file).toMatchObject({ verified: true, manifestId: before.manifestId });
    expect((await rig.read(before.uid)).equals(whole)).toBe(true);
    expect(await compose(before)).toBe('nothing to do');
  });

  it.each(['Unavailable', 'Internal'] as const)(
    'tries again while joining may still succeed, and ends with verified parts at the last attempt: %s',
    async (code) => {
      const failure = new OsproxyError(code, 'Not now.');
      await open(failingToJoin(failure));
      const before = await completed();
      await expect(compose(before)).rejects.toBe(failure);
      expect((await find(before.uid)).file.verified).toBe(false);
      expect(await compose(before, { task: { attempts: 8, maxAttempts: 8 } })).toBe('done');
      expect((await find(before.uid)).file).toMatchObject({ verified: true, manifestId: before.manifestId });
      expect((await rig.read(before.uid)).equals(whole)).toBe(true);
    },
  );

  it('never settles for parts of which one is gone', async () => {
    const gone = new OsproxyError('NotFound', 'Gone.');
    await open(failingToJoin(gone));
    const before = await completed();
    await expect(compose(before, { task: { attempts: 8, maxAttempts: 8 } })).rejects.toBe(gone);
    expect((await find(before.uid)).file.verified).toBe(false);
  });

  it('stops when it is cancelled, and fails without a verdict when bytes cannot be read', async () => {
    await open();
    const before = await completed({ sha256: 'f'.repeat(64) });
    await expect(compose(before, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'Cancelled',
    });
    for (const key of await rig.keysIn()) await rig.store.delete(key);
    await expect(compose(before)).rejects.toMatchObject({ code: 'Unavailable' });
    expect((await rig.metadata.files.find(before.uid))?.state).toBe('ready');
  });

  it('joins equal files once, at the same time', async () => {
    await open();
    const files = [await completed(), await completed(), await completed()];
    await Promise.all(files.map((file) => compose(file)));
    for (const { uid } of files) {
      expect((await find(uid)).file.verified).toBe(true);
      expect((await rig.read(uid)).equals(whole)).toBe(true);
    }
    await purged();
    expect(await rig.keysIn()).toHaveLength(1);
    for (const { uid } of files) expect((await rig.read(uid)).equals(whole)).toBe(true);
  });
});
