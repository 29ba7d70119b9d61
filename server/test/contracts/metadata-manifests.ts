import { describe, expect, it } from 'vitest';
import type { Manifest } from '#core/model/manifest.ts';
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

export function manifestsContract({ metadata, openAnother }: Fixture): void {
  const idle = (id: string, at: number) => write(metadata(), ({ manifests }) => manifests.markIdle(id, at));
  const removeIdle = async (cutoff: number, limit = 10) =>
    (await write(metadata(), ({ manifests }) => manifests.removeIdle(cutoff, limit))).removed;

  describe('manifests', () => {
    it('keeps every field and the order of parts', async () => {
      const parts = Array.from({ length: 1201 }, (_, i) => sampleBlob({ size: i }));
      const manifest = sampleManifest(parts, { sha1: '3'.repeat(40), md5: '4'.repeat(32) });
      await write(metadata(), ({ manifests }) => manifests.insert(manifest));
      expect(await metadata().manifests.find(manifest.id)).toEqual(manifest);
      expect(await metadata().manifests.find(newId())).toBeUndefined();
    });

    it('tells the parts in order with every placement', async () => {
      const { manifest, blob, placement } = await putFile(metadata());
      const other = samplePlacement({ store: 'other' });
      await write(metadata(), ({ blobs }) => blobs.addPlacement(blob.id, other));
      expect(await metadata().manifests.parts(manifest.id)).toEqual([
        { blobId: blob.id, size: blob.size, placements: [placement, other] },
      ]);
      expect(await metadata().manifests.parts(newId())).toEqual([]);
    });

    it('finds verified content by SHA-1 once that is known', async () => {
      const { manifest } = await putFile(metadata());
      const sha1 = manifest.id.padStart(40, '0');
      const { manifests } = metadata();
      expect(await manifests.findVerified({ sha1 }, manifest.size)).toEqual([]);
      await write(metadata(), (r) => r.manifests.learnSha1(manifest.id, sha1));
      expect(await manifests.findVerified({ sha1 }, manifest.size)).toEqual([{ ...manifest, sha1 }]);
      expect(await manifests.findVerified({ sha1 }, undefined, { owner: 'x' })).toEqual([]);
    });

    it('finds verified content by SHA-256 or MD5, and size', async () => {
      const { manifest } = await putFile(metadata());
      const { sha256 = '', md5 = '', size } = manifest;
      const { manifests } = metadata();
      expect(await manifests.findVerified({ sha256 }, size)).toEqual([manifest]);
      expect(await manifests.findVerified({ md5 }, undefined)).toEqual([manifest]);
      expect(await manifests.findVerified({ sha256, md5 }, size)).toEqual([manifest]);
      expect(await manifests.findVerified({ sha256, md5: '5'.repeat(32) }, size)).toEqual([]);
      expect(await manifests.findVerified({ sha256 }, size + 1, undefined)).toEqual([]);
      await expect(manifests.findVerified({}, size)).rejects.toMatchObject({
        code: 'InvalidArgument',
      });
    });

    it('never offers unverified content', async () => {
      const manifest = sampleManifest([sampleBlob()], { md5: '6'.repeat(32) });
      await write(metadata(), (r) => r.manifests.insert(manifest));
      const found = metadata().manifests.findVerified({ md5: '6'.repeat(32) }, undefined);
      expect(await found).toEqual([]);
    });

    it('offers an owner only what a ready file of that owner names', async () => {
      const { file, manifest } = await putFile(metadata(), { owner: 'anna' });
      const find = (owner: string) =>
        metadata().manifests.findVerified({ sha256: manifest.sha256 ?? '' }, manifest.size, { owner });
      expect(await find('anna')).toEqual([manifest]);
      expect(await find('bert')).toEqual([]);
      await write(metadata(), ({ files }) => files.markDeleted(file.uid, NOW));
      expect(await find('anna')).toEqual([]);
    });

    it('does not offer what is about to be purged, but what another file still names', async () => {
      const { file, manifest } = await putFile(metadata());
      const find = () => metadata().manifests.findVerified({ sha256: manifest.sha256 ?? '' }, undefined);
      await idle(manifest.id, NOW);
      expect(await find()).toEqual([manifest]);
      await write(metadata(), ({ files }) => files.markDeleted(file.uid, NOW));
      expect(await find()).toEqual([]);
    });

    it('offers the manifests of one content by number of parts, then by age, the first four', async () => {
      const sha256 = 'e'.repeat(64);
      const add = async (count: number) => {
        const parts = Array.from({ length: count }, () => sampleBlob({ size: 60 / count }));
        const manifest = sampleManifest(parts, { sha256, verified: true });
        await write(metadata(), ({ manifests }) => manifests.insert(manifest));
        return manifest;
      };
      const added: Manifest[] = [];
      for (const count of [12, 3, 2, 3, 1, 2]) added.push(await add(count));
      const found = await metadata().manifests.findVerified({ sha256 }, 60);
      expect(found).toEqual([added[4], added[2], added[5], added[1]]);
    });

    it('tells those that it looked at and kept from nothing being left', async () => {
      const { manifest } = await putFile(metadata());
      await idle(manifest.id, NOW);
      const remove = () => write(metadata(), ({ manifests }) => manifests.removeIdle(NOW, 10));
      expect(await remove()).toEqual({ looked: 1, removed: 0 });
      expect(await remove()).toEqual({ looked: 0, removed: 0 });
    });

    it('removes idle manifests that no ready file names and marks their blobs idle', async () => {
      const { file, manifest, blob } = await putFile(metadata());
      await idle(manifest.id, NOW);
      expect(await removeIdle(NOW)).toBe(0);
      expect(await removeIdle(NOW + 9999)).toBe(0);
      await write(metadata(), ({ files }) => files.markDeleted(file.uid, NOW));
      await idle(manifest.id, NOW + 10);
      expect(await removeIdle(NOW + 9)).toBe(0);
      expect(await removeIdle(NOW + 10)).toBe(1);
      expect(await metadata().manifests.find(manifest.id)).toBeUndefined();
      const condemn = async (cutoff: number) =>
        (await write(metadata(), ({ blobs }) => blobs.condemnIdle(cutoff, 10))).condemned;
      expect(await condemn(NOW + 9)).toEqual([]);
      expect((await condemn(NOW + 10)).map((each) => each.id)).toEqual([blob.id]);
    });

    it('keeps blobs that another manifest names', async () => {
      const { file, manifest, blob } = await putFile(metadata());
      const other = sampleManifest([blob, blob]);
      await write(metadata(), async ({ manifests, files }) => {
        await manifests.insert(other);
        await files.insert(sampleFile({ manifestId: other.id, size: other.size }));
        await files.markDeleted(file.uid, NOW);
        await manifests.markIdle(manifest.id, NOW);
      });
      expect(await removeIdle(NOW)).toBe(1);
      const idleBlobs = await write(metadata(), ({ blobs }) => blobs.condemnIdle(NOW + 9999, 10));
      expect(idleBlobs.condemned).toEqual([]);
      expect(await metadata().blobs.findLive(blob.sha256, blob.size)).toBeDefined();
    });

    it('lets exactly one of a claim and a removal win, in both orders and at once', async () => {
      const other = await openAnother();
      const claim = (id: string) => write(metadata(), ({ manifests }) => manifests.claim(id));
      const add = async () => {
        const blob = sampleBlob();
        const manifest = sampleManifest([blob]);
        await write(metadata(), async ({ blobs, manifests }) => {
          await blobs.insert(blob, samplePlacement());
          await manifests.insert(manifest);
          await manifests.markIdle(manifest.id, NOW);
        });
        return manifest.id;
      };
      const [first, second] = [await add(), await add()];
      expect(await claim(first)).toBe(true);
      expect(await removeIdle(NOW)).toBe(1);
      expect(await claim(second)).toBe(false);
      const ids: string[] = [];
      for (let i = 0; i < 20; i++) ids.push(await add());
      const removing = write(other, ({ manifests }) => manifests.removeIdle(NOW, 100));
      const claimed = await Promise.all(ids.map(claim));
      expect((await removing).removed + claimed.filter(Boolean).length).toBe(ids.length);
      for (const [i, id] of ids.entries()) {
        expect((await metadata().manifests.find(id)) !== undefined).toBe(claimed[i]);
      }
    });
  });
}
