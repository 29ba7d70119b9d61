import { describe, expect, it } from 'vitest';
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
  const removeIdle = (cutoff: number, limit = 10) =>
    write(metadata(), ({ manifests }) => manifests.removeIdle(cutoff, limit));

  describe('manifests', () => {
    it('keeps every field and the order of parts', async () => {
      const parts = Array.from({ length: 1201 }, (_, i) => sampleBlob({ size: i }));
      const manifest = sampleManifest(parts, { sha1: '3'.repeat(40), md5: '4'.repeat(32) });
      await write(metadata(), ({ manifests }) => manifests.insert(manifest));
      expect(await metadata().manifests.find(manifest.id)).toEqual(manifest);
      expect(await metadata().manifests.find(newId())).toBeUndefined();
    });

    it('finds verified content by SHA-256 or MD5, and size', async () => {
      const { manifest } = await putFile(metadata());
      const { sha256 = '', md5 = '', size } = manifest;
      const { manifests } = metadata();
      expect(await manifests.findVerified({ sha256 }, size, undefined)).toEqual(manifest);
      expect(await manifests.findVerified({ md5 }, undefined, undefined)).toEqual(manifest);
      expect(await manifests.findVerified({ sha256, md5 }, size, undefined)).toEqual(manifest);
      expect(await manifests.findVerified({ sha256, md5: '5'.repeat(32) }, size, undefined)).toBeUndefined();
      expect(await manifests.findVerified({ sha256 }, size + 1, undefined)).toBeUndefined();
      await expect(manifests.findVerified({}, size, undefined)).rejects.toMatchObject({
        code: 'InvalidArgument',
      });
    });

    it('never offers unverified content', async () => {
      const manifest = sampleManifest([sampleBlob()], { md5: '6'.repeat(32) });
      await write(metadata(), (r) => r.manifests.insert(manifest));
      expect(
        await metadata().manifests.findVerified({ md5: '6'.repeat(32) }, undefined, undefined),
      ).toBeUndefined();
    });

    it('offers an owner only what a ready file of that owner names', async () => {
      const { file, manifest } = await putFile(metadata(), { owner: 'anna' });
      const find = (owner: string) =>
        metadata().manifests.findVerified({ sha256: manifest.sha256 ?? '' }, manifest.size, owner);
      expect((await find('anna'))?.id).toBe(manifest.id);
      expect(await find('bert')).toBeUndefined();
      await write(metadata(), ({ files }) => files.markDeleted(file.uid, NOW));
      expect(await find('anna')).toBeUndefined();
    });

    it('does not offer what is about to be purged, but what another file still names', async () => {
      const { file, manifest } = await putFile(metadata());
      const find = () =>
        metadata().manifests.findVerified({ sha256: manifest.sha256 ?? '' }, undefined, undefined);
      await idle(manifest.id, NOW);
      expect((await find())?.id).toBe(manifest.id);
      await write(metadata(), ({ files }) => files.markDeleted(file.uid, NOW));
      expect(await find()).toBeUndefined();
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
      const condemn = (cutoff: number) => write(metadata(), ({ blobs }) => blobs.condemnIdle(cutoff, 10));
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
      expect(await write(metadata(), ({ blobs }) => blobs.condemnIdle(NOW + 9999, 10))).toEqual([]);
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
      expect((await removing) + claimed.filter(Boolean).length).toBe(ids.length);
      for (const [i, id] of ids.entries()) {
        expect((await metadata().manifests.find(id)) !== undefined).toBe(claimed[i]);
      }
    });
  });
}
