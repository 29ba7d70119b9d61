import { afterEach, describe, expect, it } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import {
  changed,
  chunksOf,
  lose,
  openRig,
  type Rig,
  type RigOptions,
  sha256,
  some,
  sourceOf,
} from './rig.ts';

let rig: Rig;
const open = async (options?: RigOptions) => {
  rig = await openRig({ graceMs: -1000, ...options });
};
afterEach(() => rig.close());

const bytes = some(5000);
const file = (content: Uint8Array = bytes) =>
  rig.uploads.writeFile({ owner: 'a', name: 'n' }, chunksOf(content));
const blobOf = async (content: Uint8Array = bytes) => {
  const blob = await rig.metadata.blobs.findLive(sha256(content), content.length);
  if (blob === undefined) throw new Error('no blob');
  return blob;
};
const placementOf = async (content: Uint8Array = bytes) => {
  const placement = (await blobOf(content)).placements[0];
  if (placement === undefined) throw new Error('no placement');
  return placement;
};
const kinds = ({ findings }: Awaited<ReturnType<Rig['fsck']>>) => findings.map((one) => one.kind).toSorted();
const uidsRejected = async (...uids: string[]) => {
  const files = await rig.metadata.files.findMany(uids);
  return files.filter((one) => one.state === 'rejected').map((one) => one.uid);
};

/** Reports and repairs, then finds nothing any more, looks it up in depth or not. */
async function repairs(deep: boolean, wanted: readonly string[]): Promise<void> {
  expect(kinds(await rig.fsck({ deep }))).toEqual(wanted);
  expect(kinds(await rig.fsck({ deep }))).toEqual(wanted);
  const repaired = await rig.fsck({ deep, repair: true });
  expect(kinds(repaired)).toEqual(wanted);
  expect(repaired.findings.every((one) => one.repaired)).toBe(true);
  expect(repaired.summary.repaired).toBe(repaired.summary.findings);
  expect((await rig.fsck({ deep: false })).findings).toEqual([]);
  expect((await rig.fsck({ deep: true })).findings).toEqual([]);
}

describe('fsck', () => {
  it.each([false, true])('finds nothing where nothing is wrong (deep: %s)', async (deep) => {
    await open({ disk: true });
    for (let i = 0; i < 5; i += 1) await file(some(i * 1000));
    const { findings, summary } = await rig.fsck({ deep, repair: true });
    expect(findings).toEqual([]);
    expect(summary).toEqual({ files: 5, blobs: 5, drives: 0, orphans: 0, findings: 0, repaired: 0 });
  });

  it('missing bytes: the files that need them are rejected, others stay', async () => {
    await open();
    const [lost, twin] = [await file(), await file()];
    const kept = await file(some(100));
    await lose(rig, await placementOf());
    await repairs(false, ['bytes-missing', 'file-unreadable', 'file-unreadable']);
    expect((await uidsRejected(lost.uid, twin.uid, kept.uid)).toSorted()).toEqual(
      [lost.uid, twin.uid].toSorted(),
    );
    expect((await rig.metadata.files.find(lost.uid))?.rejectedReason).toMatch(/lost/);
  });

  it('bytes of another size: found without reading', async () => {
    await open();
    const lost = await file();
    await rig.store.put((await placementOf()).key, sourceOf(bytes.subarray(1)));
    await repairs(false, ['bytes-damaged', 'file-unreadable']);
    expect(await uidsRejected(lost.uid)).toEqual([lost.uid]);
    expect(await rig.keysIn()).toEqual([]);
  });

  it('changed bytes of the same size: found by a deep look only', async () => {
    await open({ disk: true });
    await file();
    await rig.store.put((await placementOf()).key, sourceOf(some(bytes.length)));
    expect((await rig.fsck()).findings).toEqual([]);
    await repairs(true, ['bytes-damaged', 'file-unreadable']);
  });

  it('one of two copies lost: dropped, and the file stays', async () => {
    await open();
    const kept = await file();
    const first = await placementOf();
    await rig.other.put('copy/1', sourceOf(bytes));
    const copy = { store: 'other', node: 'n1', key: 'copy/1' };
    const { id } = await blobOf();
    await rig.metadata.transaction((r) => r.blobs.addPlacement(id, copy));
    await lose(rig, first);
    await repairs(true, ['bytes-missing']);
    expect(await uidsRejected(kept.uid)).toEqual([]);
    expect((await blobOf()).placements).toEqual([copy]);
    expect((await rig.read(kept.uid)).equals(bytes)).toBe(true);
  });

  it('bytes without rows: deleted, unless they are young', async () => {
    await open();
    await rig.store.put('lost/1', sourceOf(some(10)));
    await rig.other.put('lost/2', sourceOf(some(10)));
    expect(kinds(await rig.fsck({ graceMs: 60_000 }))).toEqual([]);
    await repairs(false, ['orphan-bytes', 'orphan-bytes']);
    expect([await rig.keysIn(), await rig.keysIn(rig.other)]).toEqual([[], []]);
  });

  it('bytes that purge has deleted and forgotten since they were listed: nothing', async () => {
    await open({
      wrap: (driver) =>
        changed(driver, {
          list: async function* () {
            yield* driver.list();
            yield { key: 'just/gone', size: 1, modifiedAt: new Date(0) };
          },
        }),
    });
    await file();
    expect((await rig.fsck({ repair: true })).findings).toEqual([]);
  });

  it('a file whose parts do not add up', async () => {
    await open();
    const manifest = { id: rig.ids.next(), size: 7, sha256: undefined, md5: undefined, sha1: undefined };
    const wrong = { ...manifest, verified: false, createdAt: 1, parts: [] };
    const kept = await file();
    const record = await rig.metadata.files.find(kept.uid);
    if (record === undefined) throw new Error('no file');
    const uid = rig.ids.next();
    await rig.metadata.transaction(async (r) => {
      await r.manifests.insert(wrong);
      await r.files.insert({ ...record, uid, size: 7, manifestId: wrong.id });
    });
    await repairs(false, ['file-unreadable']);
    expect(await uidsRejected(uid, kept.uid)).toEqual([uid]);
  });

  it('a store that does not answer, or that is not configured: said, and nothing is changed', async () => {
    let down = false;
    const refuse = () => Promise.reject(new OsproxyError('Unavailable', 'The store is down.'));
    const members: Partial<StorageDriver> = {};
    await open({
      wrap: (driver) =>
        changed(driver, {
          ...members,
          stat: (key, options) => (down ? refuse() : driver.stat(key, options)),
        }),
    });
    const kept = await file();
    const gone = await file(some(10));
    down = true;
    const { findings } = await rig.fsck({ repair: true });
    expect(findings.map((one) => [one.kind, one.repaired])).toEqual([
      ['store-unreachable', false],
      ['store-unreachable', false],
    ]);
    down = false;
    const blob = (await rig.blobs()).find((one) => one.size === 10);
    const [placement] = blob?.placements ?? [];
    if (blob === undefined || placement === undefined) throw new Error('no blob');
    await rig.metadata.transaction(async (r) => {
      await r.blobs.removePlacement(blob.id, placement);
      await r.blobs.addPlacement(blob.id, { store: 'closed', node: undefined, key: 'k/1' });
    });
    expect(kinds(await rig.fsck({ repair: true, graceMs: 60_000 }))).toEqual(['store-unreachable']);
    expect(await uidsRejected(kept.uid, gone.uid)).toEqual([]);
  });

  it('believes placements on other nodes', async () => {
    await open();
    const kept = await file();
    const { id } = await blobOf();
    await rig.metadata.transaction((r) =>
      r.blobs.addPlacement(id, { store: 'main', node: 'n2', key: 'far/1' }),
    );
    await lose(rig, await placementOf());
    await rig.fsck({ repair: true });
    expect(await uidsRejected(kept.uid)).toEqual([]);
    expect((await rig.fsck()).findings).toEqual([]);
  });

  it('rejects no file whose content was sent again while it looked, and reports nothing that purge removed', async () => {
    await open();
    const healed = await file();
    await lose(rig, await placementOf());
    const { scan } = rig.metadata.files;
    rig.metadata.files.scan = async (after, limit) => {
      if (after === undefined) await file();
      return scan.call(rig.metadata.files, after, limit);
    };
    expect(kinds(await rig.fsck())).toEqual(['bytes-missing']);
    rig.metadata.files.scan = scan;
    expect((await rig.read(healed.uid)).equals(bytes)).toBe(true);

    const scanBlobs = rig.metadata.blobs.scan;
    await rig.fsck({ repair: true });
    rig.metadata.blobs.scan = async (after, limit) => {
      const found = await scanBlobs.call(rig.metadata.blobs, after, limit);
      const later = rig.clock.now() + 1e6;
      await rig.metadata.transaction((r) => r.files.markDeleted(healed.uid, 1));
      for (const one of await rig.metadata.files.list({
        owner: 'a',
        after: undefined,
        limit: 10,
        namePrefix: undefined,
      })) {
        await rig.metadata.transaction((r) => r.files.markDeleted(one.uid, 1));
      }
      await rig.metadata.transaction((r) => r.manifests.markIdle(healed.manifestId, 1));
      await rig.metadata.transaction((r) => r.manifests.removeIdle(later, 10));
      await rig.metadata.transaction((r) => r.blobs.condemnIdle(later, 10));
      for (const key of await rig.keysIn()) await rig.store.delete(key);
      return found;
    };
    expect((await rig.fsck()).findings).toEqual([]);
  });

  it('a lost content heals when it is sent again after a repair', async () => {
    await open();
    await file();
    await lose(rig, await placementOf());
    await rig.fsck({ repair: true });
    const again = await file();
    expect((await rig.read(again.uid)).equals(bytes)).toBe(true);
    expect((await rig.fsck({ deep: true })).findings).toEqual([]);
  });
});
