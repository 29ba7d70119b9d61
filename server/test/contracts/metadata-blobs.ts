import { describe, expect, it } from 'vitest';
import type { Fixture } from './metadata-fixture.ts';
import {
  NOW,
  newId,
  putFile,
  sampleBlob,
  samplePart,
  samplePlacement,
  sampleUpload,
  write,
} from './metadata-samples.ts';

export function blobsContract({ metadata, openAnother }: Fixture): void {
  const insert = async (blob = sampleBlob(), placement = samplePlacement()) => {
    await write(metadata(), ({ blobs }) => blobs.insert(blob, placement));
    return { blob, placement };
  };
  const idle = (ids: readonly string[], at: number) =>
    write(metadata(), ({ blobs }) => blobs.markIdle(ids, at));
  const condemnIdle = (cutoff: number, limit: number) =>
    write(metadata(), ({ blobs }) => blobs.condemnIdle(cutoff, limit));
  const condemn = async (cutoff: number, limit = 10) => (await condemnIdle(cutoff, limit)).condemned;

  describe('blobs', () => {
    it('keeps every field and finds a live blob by its content', async () => {
      const blob = sampleBlob({ md5: '1'.repeat(32), sha1: '2'.repeat(40), size: Number.MAX_SAFE_INTEGER });
      const { placement } = await insert(blob, samplePlacement({ node: 'n1' }));
      const placed = { ...blob, placements: [placement] };
      expect(await metadata().blobs.find(blob.id)).toEqual(placed);
      expect(await metadata().blobs.findLive(blob.sha256, blob.size)).toEqual(placed);
      expect(await metadata().blobs.findLive(blob.sha256, blob.size - 1)).toBeUndefined();
      expect(await metadata().blobs.find(newId())).toBeUndefined();
    });

    it('allows one live blob of each content', async () => {
      const { blob } = await insert();
      const twin = sampleBlob({ sha256: blob.sha256 });
      await expect(insert(twin)).rejects.toMatchObject({ code: 'AlreadyExists' });
      await insert(sampleBlob({ sha256: blob.sha256, size: 11 }));
      await idle([blob.id], NOW);
      await condemn(NOW);
      expect(await metadata().blobs.findLive(blob.sha256, blob.size)).toBeUndefined();
      await insert(twin);
      expect((await metadata().blobs.findLive(blob.sha256, blob.size))?.id).toBe(twin.id);
    });

    it('gives each key of a store to one placement, and keeps nothing of a refused blob', async () => {
      const { blob, placement } = await insert();
      const other = sampleBlob();
      await expect(insert(other, placement)).rejects.toMatchObject({ code: 'AlreadyExists' });
      expect(await metadata().blobs.find(other.id)).toBeUndefined();
      const far = samplePlacement({ store: 'archive', key: placement.key });
      await write(metadata(), ({ blobs }) => blobs.addPlacement(blob.id, far));
      await expect(write(metadata(), ({ blobs }) => blobs.addPlacement(blob.id, far))).rejects.toMatchObject({
        code: 'AlreadyExists',
      });
      expect((await metadata().blobs.find(blob.id))?.placements).toEqual([placement, far]);
      await write(metadata(), ({ blobs }) => blobs.removePlacement(blob.id, placement));
      expect((await metadata().blobs.find(blob.id))?.placements).toEqual([far]);
    });

    it('condemns idle blobs that nothing names, after their grace time', async () => {
      const [young, old, used] = [await insert(), await insert(), await insert()];
      const { blob: named } = await putFile(metadata());
      await idle([young.blob.id, named.id], NOW + 10);
      await idle([old.blob.id], NOW);
      const condemned = await condemn(NOW + 5);
      expect(condemned).toEqual([{ ...old.blob, placements: [old.placement] }]);
      expect((await condemn(NOW + 10)).map((blob) => blob.id)).toEqual([young.blob.id]);
      expect(await condemn(NOW + 9999)).toEqual([]);
      const live = (await metadata().blobs.scan(undefined, 10)).map((blob) => blob.id);
      expect(live).toEqual([used.blob.id, named.id]);
      expect(await metadata().blobs.scan(used.blob.id, 10)).toHaveLength(1);
      const walk = async (after: string | undefined, limit: number) =>
        (await metadata().blobs.condemned(after, limit)).map((blob) => blob.id);
      expect(await walk(undefined, 10)).toEqual([young.blob.id, old.blob.id]);
      expect(await walk(undefined, 1)).toEqual([young.blob.id]);
      expect(await walk(young.blob.id, 10)).toEqual([old.blob.id]);
      expect(await walk(old.blob.id, 10)).toEqual([]);
    });

    it('runs the grace time from the last reference that went away', async () => {
      const { blob } = await insert();
      await idle([blob.id], NOW + 10);
      await idle([blob.id], NOW);
      expect(await condemn(NOW + 9)).toEqual([]);
      expect(await condemn(NOW + 10)).toHaveLength(1);
    });

    it('counts parts of open uploads as references, of ended ones not', async () => {
      const { blob } = await insert();
      const upload = sampleUpload();
      await write(metadata(), async ({ uploads }) => {
        await uploads.insert(upload);
        await uploads.putPart(upload.uid, samplePart({ blobId: blob.id }));
      });
      await idle([blob.id], NOW);
      expect(await condemn(NOW)).toEqual([]);
      await write(metadata(), ({ uploads }) => uploads.abort(upload.uid, NOW));
      expect(await condemn(NOW + 9999)).toEqual([]);
      await idle([blob.id], NOW);
      expect(await condemn(NOW)).toHaveLength(1);
    });

    it('looks at no more than it is asked to', async () => {
      const inserted = [await insert(), await insert(), await insert()];
      await idle(
        inserted.map(({ blob }) => blob.id),
        NOW,
      );
      expect(await condemn(NOW, 2)).toHaveLength(2);
      expect(await condemn(NOW, 2)).toHaveLength(1);
    });

    it('tells those that it looked at and kept from nothing being left', async () => {
      const { blob: named } = await putFile(metadata());
      const { blob: free } = await insert();
      await idle([named.id], NOW);
      await idle([free.id], NOW + 1);
      expect(await condemnIdle(NOW + 1, 1)).toEqual({ looked: 1, condemned: [] });
      expect(await condemnIdle(NOW + 1, 1)).toMatchObject({ looked: 1, condemned: [{ id: free.id }] });
      expect(await condemnIdle(NOW + 1, 1)).toEqual({ looked: 0, condemned: [] });
    });

    it('refuses a claim after condemnation, and condemns nothing that was claimed', async () => {
      const claim = (id: string) => write(metadata(), ({ blobs }) => blobs.claim(id));
      const [first, second] = [(await insert()).blob, (await insert()).blob];
      await idle([first.id, second.id], NOW);
      expect(await claim(first.id)).toBe(true);
      expect((await condemn(NOW)).map((blob) => blob.id)).toEqual([second.id]);
      expect(await claim(second.id)).toBe(false);
      expect(await claim(newId())).toBe(false);
      await idle([second.id], NOW);
      expect(await condemn(NOW + 9999)).toEqual([]);
    });

    it('lets exactly one of a claim and a condemnation win when both come at once', async () => {
      const other = await openAnother();
      const ids: string[] = [];
      for (let i = 0; i < 20; i++) ids.push((await insert()).blob.id);
      await idle(ids, NOW);
      const condemnAll = write(other, ({ blobs }) => blobs.condemnIdle(NOW, 100));
      const claims = ids.map((id) => write(metadata(), ({ blobs }) => blobs.claim(id)));
      const condemned = new Set((await condemnAll).condemned.map((blob) => blob.id));
      const claimed = await Promise.all(claims);
      for (const [i, id] of ids.entries()) expect(claimed[i]).toBe(!condemned.has(id));
    });

    it('removes condemned blobs with their placements, and no live ones', async () => {
      const [gone, live] = [await insert(), await insert()];
      await idle([gone.blob.id], NOW);
      await condemn(NOW);
      await write(metadata(), ({ blobs }) => blobs.remove([gone.blob.id, live.blob.id]));
      expect(await metadata().blobs.find(gone.blob.id)).toBeUndefined();
      expect(await metadata().blobs.find(live.blob.id)).toBeDefined();
      expect(await metadata().blobs.condemned(undefined, 10)).toEqual([]);
      const keys = [gone.placement.key, live.placement.key];
      expect(await metadata().blobs.knownKeys('main', keys)).toEqual(new Set([live.placement.key]));
    });

    it('dooms keys that no placement names, so that none ever does', async () => {
      const { placement } = await insert();
      const key = 'orphan';
      const doom = (k: string, at: number) => write(metadata(), ({ blobs }) => blobs.doom('main', k, at));
      expect(await doom(placement.key, NOW)).toBe(false);
      expect(await doom(key, NOW)).toBe(true);
      expect(await doom(key, NOW + 5)).toBe(true);
      await expect(insert(sampleBlob(), samplePlacement({ key }))).rejects.toMatchObject({
        code: 'AlreadyExists',
      });
      const keys = [key, placement.key, 'none'];
      expect(await metadata().blobs.knownKeys('main', keys)).toEqual(new Set([placement.key]));
      expect(await metadata().blobs.knownKeys('archive', [key])).toEqual(new Set());
      expect(await metadata().blobs.knownKeys('main', [])).toEqual(new Set());
      const forget = (cutoff: number) => write(metadata(), ({ blobs }) => blobs.forgetDoomed(cutoff, 10));
      expect(await forget(NOW + 4)).toBe(0);
      expect(await forget(NOW + 5)).toBe(1);
      await insert(sampleBlob(), samplePlacement({ key }));
    });
  });
}
