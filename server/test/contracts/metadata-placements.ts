import { describe, expect, it } from 'vitest';
import type { MoveRecord } from '#core/model/move.ts';
import type { Fixture } from './metadata-fixture.ts';
import {
  NOW,
  newId,
  putFile,
  sampleBlob,
  sampleFile,
  sampleManifest,
  samplePlacement,
  write,
} from './metadata-samples.ts';

function sampleMove(values: Partial<MoveRecord> = {}): MoveRecord {
  const id = newId();
  return {
    ...{ id, from: 'main', to: 'archive', match: {}, bytesPerSecond: undefined, state: 'running', run: 1 },
    ...{ lastBlob: id, afterBlob: undefined, total: undefined, failedBlobs: 0 },
    done: { files: 0, blobs: 0, bytes: 0 },
    ...{ createdAt: NOW, updatedAt: NOW, endedAt: undefined },
    ...values,
  };
}

export function placementsContract({ metadata, openAnother }: Fixture): void {
  const insert = async (store = 'main') => {
    const [blob, placement] = [sampleBlob(), samplePlacement({ store })];
    await write(metadata(), ({ blobs }) => blobs.insert(blob, placement));
    return { blob, placement };
  };
  const last = String(2n ** 63n - 1n);
  const idsIn = async (store: string, after?: string, limit = 10) =>
    (await metadata().placements.blobsIn(store, after, last, limit)).map((blob) => blob.id);

  describe('placements', () => {
    it('walks the live blobs of one store, up to a last one', async () => {
      const inserted = [await insert(), await insert('archive'), await insert(), await insert()];
      const ids = inserted.filter(({ placement }) => placement.store === 'main').map(({ blob }) => blob.id);
      expect(await idsIn('main')).toEqual(ids);
      expect(await idsIn('main', ids[0], 1)).toEqual([ids[1]]);
      const until = (await metadata().placements.blobsIn('main', undefined, ids[1] ?? '', 10)).map(
        ({ id }) => id,
      );
      expect(until).toEqual(ids.slice(0, 2));
      expect(await idsIn('nowhere')).toEqual([]);
      await write(metadata(), async ({ blobs }) => {
        await blobs.markIdle([ids[0] ?? ''], NOW);
        await blobs.condemnIdle(NOW, 10);
      });
      expect(await idsIn('main')).toEqual(ids.slice(1));
      const [first] = await metadata().placements.blobsIn('archive', undefined, last, 10);
      expect(first).toEqual({ ...inserted[1]?.blob, placements: [inserted[1]?.placement] });
    });

    it('relocates a blob in one step: the old place is retired and stays reserved until its bytes are gone', async () => {
      const { blob, placement } = await insert();
      const target = samplePlacement({ store: 'archive', node: 'n1' });
      const relocate = (at: number, from = placement) =>
        write(metadata(), ({ placements }) => placements.relocate(blob.id, from, target, at));
      expect(await relocate(NOW, samplePlacement())).toBe(false);
      expect((await metadata().blobs.find(blob.id))?.placements).toEqual([placement]);
      expect(await relocate(NOW)).toBe(true);
      expect((await metadata().blobs.find(blob.id))?.placements).toEqual([target]);
      expect(await relocate(NOW + 1)).toBe(false);

      const { store, key } = placement;
      expect(await metadata().blobs.knownKeys(store, [key])).toEqual(new Set([key]));
      expect(await metadata().placements.retired(NOW - 1, undefined, 10)).toEqual([]);
      const [retired, ...more] = await metadata().placements.retired(NOW, undefined, 10);
      expect([retired?.store, retired?.key, more]).toEqual([store, key, []]);
      expect(await metadata().placements.retired(NOW, retired?.position, 10)).toEqual([]);
      await write(metadata(), ({ placements }) => placements.forgetRetired(store, key, NOW + 5));
      expect(await metadata().placements.retired(NOW + 99, undefined, 10)).toEqual([]);
      expect(await metadata().blobs.knownKeys(store, [key])).toEqual(new Set());
      const taken = write(metadata(), ({ blobs }) => blobs.insert(sampleBlob(), placement));
      await expect(taken).rejects.toMatchObject({ code: 'AlreadyExists' });
      expect(await write(metadata(), ({ blobs }) => blobs.forgetDoomed(NOW + 5, 10))).toBe(1);
    });

    it('only retires where the target is there already, and leaves a condemned blob alone', async () => {
      const { blob, placement } = await insert();
      const second = samplePlacement({ store: 'archive' });
      await write(metadata(), ({ blobs }) => blobs.addPlacement(blob.id, second));
      const retire = (from = placement) =>
        write(metadata(), ({ placements }) => placements.relocate(blob.id, from, undefined, NOW));
      expect(await retire()).toBe(true);
      expect((await metadata().blobs.find(blob.id))?.placements).toEqual([second]);
      await write(metadata(), async ({ blobs }) => {
        await blobs.markIdle([blob.id], NOW);
        await blobs.condemnIdle(NOW, 10);
      });
      expect(await retire(second)).toBe(false);
    });

    it('lets one of many relocations of a blob win', async () => {
      const other = await openAnother();
      const { blob, placement } = await insert();
      const ends = await Promise.all(
        [metadata(), other, metadata(), other].map((one) =>
          write(one, ({ placements }) =>
            placements.relocate(blob.id, placement, samplePlacement({ store: 'archive' }), NOW),
          ),
        ),
      );
      expect(ends.filter(Boolean)).toHaveLength(1);
      expect((await metadata().blobs.find(blob.id))?.placements).toHaveLength(1);
    });

    it('names the ready files of a blob, once each, and whether they begin with it', async () => {
      const { file, blob } = await putFile(metadata(), { name: 'a.mp4', owner: 'shop' });
      const { blob: second } = await insert();
      const manifest = sampleManifest([second, blob, second]);
      const joined = sampleFile({ manifestId: manifest.id, name: 'b', size: 30 });
      const gone = sampleFile({ manifestId: manifest.id, state: 'deleted', deletedAt: NOW });
      await write(metadata(), async (r) => {
        await r.manifests.insert(manifest);
        await r.files.insert(joined);
        await r.files.insert(gone);
      });
      const named = await metadata().placements.naming([blob.id, second.id, newId()]);
      const byName = named.toSorted((a, b) => `${a.name}${a.blobId}`.localeCompare(`${b.name}${b.blobId}`));
      const b = { uid: joined.uid, name: 'b', owner: 'owner', size: 30 };
      expect(byName).toEqual(
        [
          { blobId: blob.id, uid: file.uid, first: true, name: 'a.mp4', owner: 'shop', size: file.size },
          { blobId: blob.id, first: false, ...b },
          { blobId: second.id, first: true, ...b },
        ].toSorted((a, c) => `${a.name}${a.blobId}`.localeCompare(`${c.name}${c.blobId}`)),
      );
      expect(await metadata().placements.naming([])).toEqual([]);
    });

    it('sums what the stores have, page by page', async () => {
      for (const store of ['main', 'main', 'archive']) await insert(store);
      await write(metadata(), ({ blobs }) => blobs.doom('main', 'doomed', NOW));
      const sums = new Map<string, number>();
      for (let after: string | undefined; ; ) {
        const page = await metadata().placements.usage(after, 2);
        for (const { store, bytes, objects } of page.stores) {
          expect(bytes).toBe(objects * 10);
          sums.set(store, (sums.get(store) ?? 0) + objects);
        }
        after = page.next;
        if (after === undefined) break;
      }
      expect(Object.fromEntries(sums)).toEqual({ main: 2, archive: 1 });
    });
  });

  describe('moves', () => {
    it('keeps every field, saves what changes and lists the newest first', async () => {
      const plain = sampleMove();
      const full = sampleMove({
        match: { category: 'video', extensions: ['mp4'], minSize: 1, maxSize: 2, owner: 'o' },
        bytesPerSecond: 5,
      });
      await write(metadata(), async ({ moves }) => {
        await moves.insert(plain);
        await moves.insert(full);
      });
      expect(await metadata().moves.list(10)).toEqual([full, plain]);
      expect(await metadata().moves.list(1)).toEqual([full]);
      const counts = { files: 1, blobs: 2, bytes: 3 };
      const changed: MoveRecord = {
        ...full,
        ...{ state: 'paused', run: 2, afterBlob: '7', total: counts, done: counts, failedBlobs: 4 },
        ...{ updatedAt: NOW + 1, endedAt: NOW + 2 },
      };
      await write(metadata(), async ({ moves }) => {
        expect(await moves.lock(full.id)).toEqual(full);
        await moves.save(changed);
      });
      expect(await metadata().moves.find(full.id)).toEqual(changed);
      expect(await metadata().moves.find(newId())).toBeUndefined();
    });

    it('keeps one failure per blob until they are cleared', async () => {
      const { id } = sampleMove();
      const put = (blobId: string, reason: string) =>
        write(metadata(), ({ moves }) => moves.putFailure(id, { blobId, reason, at: NOW }));
      expect(await put('1', 'first')).toBe(true);
      expect(await put('2', 'other')).toBe(true);
      expect(await put('1', 'again')).toBe(false);
      expect(await metadata().moves.failures(id, 10)).toEqual([
        { blobId: '2', reason: 'other', at: NOW },
        { blobId: '1', reason: 'again', at: NOW },
      ]);
      expect(await metadata().moves.failures(id, 1)).toHaveLength(1);
      expect(await metadata().moves.failures(newId(), 10)).toEqual([]);
      await write(metadata(), ({ moves }) => moves.clearFailures(id));
      expect(await metadata().moves.failures(id, 10)).toEqual([]);
    });
  });

  describe('store marks', () => {
    it('keeps the first mark of a store and node, and remembers that it was written', async () => {
      const first = { store: 'main', node: undefined, mark: 'm1', written: false };
      const here = { store: 'main', node: 'n1', mark: 'm2', written: false };
      const keep = (mark: typeof first | typeof here) => write(metadata(), ({ marks }) => marks.insert(mark));
      expect(await keep(first)).toEqual(first);
      expect(await keep({ ...first, mark: 'late' })).toEqual(first);
      expect(await keep(here)).toEqual(here);
      await write(metadata(), ({ marks }) => marks.setWritten('main', undefined));
      expect(await metadata().marks.find('main', undefined)).toEqual({ ...first, written: true });
      expect(await metadata().marks.find('main', 'n1')).toEqual(here);
      expect(await metadata().marks.find('other', undefined)).toBeUndefined();
    });
  });
}
