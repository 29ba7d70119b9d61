import { describe, expect, it } from 'vitest';
import type { UploadRecord } from '#core/model/upload.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, samplePart, sampleUpload, sha256Of, write } from './metadata-samples.ts';

export function uploadsContract({ metadata }: Fixture): void {
  const insert = (upload: UploadRecord) => write(metadata(), ({ uploads }) => uploads.insert(upload));

  describe('uploads', () => {
    it('keeps every field and refuses a taken uid', async () => {
      const plain = sampleUpload();
      const full = sampleUpload({
        name: '😀',
        size: Number.MAX_SAFE_INTEGER,
        md5: 'e'.repeat(32),
        sha256: sha256Of('u'),
        store: 'fast',
        transferTo: 'archive',
      });
      for (const upload of [plain, full]) {
        await insert(upload);
        expect(await metadata().uploads.find(upload.uid)).toEqual(upload);
        expect(await write(metadata(), ({ uploads }) => uploads.lock(upload.uid))).toEqual(upload);
      }
      expect(await metadata().uploads.find(newId())).toBeUndefined();
      await expect(insert(sampleUpload({ uid: full.uid }))).rejects.toMatchObject({ code: 'AlreadyExists' });
    });

    it('adds parts, replaces them by number and lists them in order', async () => {
      const { uid } = sampleUpload();
      const parts = [10_000, 2, 1].map((number) => samplePart({ number }));
      const second = samplePart({ number: 2, size: 99, md5: 'f'.repeat(32), contentType: 'text/plain' });
      await write(metadata(), async ({ uploads }) => {
        await uploads.insert(sampleUpload({ uid }));
        for (const part of [...parts, second]) await uploads.putPart(uid, part);
      });
      expect(await metadata().uploads.parts(uid)).toEqual([parts[2], second, parts[0]]);
      expect(await metadata().uploads.findPart(uid, 2)).toEqual(second);
      expect(await metadata().uploads.findPart(uid, 3)).toBeUndefined();
      expect(await metadata().uploads.parts(newId())).toEqual([]);
    });

    it('ends an upload once and extends only an open one', async () => {
      const [done, gone] = [sampleUpload(), sampleUpload()];
      for (const upload of [done, gone]) await insert(upload);
      await write(metadata(), async ({ uploads }) => {
        await uploads.extend(done.uid, NOW + 9000);
        await uploads.complete(done.uid, NOW + 1);
        await uploads.abort(done.uid, NOW + 2);
        await uploads.extend(done.uid, NOW + 1);
        await uploads.abort(gone.uid, NOW + 3);
        await uploads.complete(gone.uid, NOW + 4);
      });
      expect(await metadata().uploads.find(done.uid)).toEqual({
        ...done,
        state: 'completed',
        expiresAt: NOW + 9000,
        completedAt: NOW + 1,
      });
      expect(await metadata().uploads.find(gone.uid)).toEqual({ ...gone, state: 'aborted' });
    });

    it('finds open uploads that expired, oldest first', async () => {
      const uploads = [3, 1, 2, 4].map((n) => sampleUpload({ expiresAt: NOW + n }));
      for (const upload of uploads) await insert(upload);
      await write(metadata(), (r) => r.uploads.abort(uploads[1]?.uid ?? '', NOW));
      const found = async (limit: number) =>
        (await metadata().uploads.expired(NOW + 3, limit)).map((upload) => upload.uid);
      expect(await found(10)).toEqual([uploads[2]?.uid, uploads[0]?.uid]);
      expect(await found(1)).toEqual([uploads[2]?.uid]);
    });

    it('removes ended uploads with their parts', async () => {
      const uploads = [sampleUpload(), sampleUpload(), sampleUpload()];
      const uids = uploads.map((upload) => upload.uid) as [string, string, string];
      await write(metadata(), async (repositories) => {
        for (const upload of uploads) {
          await repositories.uploads.insert(upload);
          await repositories.uploads.putPart(upload.uid, samplePart());
        }
        await repositories.uploads.complete(uids[0], NOW);
        await repositories.uploads.abort(uids[1], NOW + 1);
      });
      const remove = (cutoff: number) => write(metadata(), (r) => r.uploads.removeEnded(cutoff, 10));
      expect(await remove(NOW - 1)).toBe(0);
      expect(await remove(NOW)).toBe(1);
      expect(await remove(NOW + 1)).toBe(1);
      expect(await remove(NOW + 9999)).toBe(0);
      const parts = await Promise.all(uids.map((uid) => metadata().uploads.parts(uid)));
      expect(parts.map((list) => list.length)).toEqual([0, 0, 1]);
      expect(await metadata().uploads.find(uids[0])).toBeUndefined();
    });
  });
}
