import { describe, expect, it } from 'vitest';
import type { MetadataWriter } from '#core/ports/metadata.ts';
import type { Fixture } from './metadata-fixture.ts';
import {
  NOW,
  sampleBlob,
  sampleFile,
  sampleKey,
  sampleLink,
  samplePlacement,
  write,
} from './metadata-samples.ts';

export function transactionsContract({ metadata, openAnother }: Fixture): void {
  describe('transactions', () => {
    it('show their own writes inside, and nothing outside before the end', async () => {
      const file = sampleFile();
      await write(metadata(), async ({ files }) => {
        await files.insert(file);
        expect(await files.find(file.uid)).toEqual(file);
        expect(await metadata().files.find(file.uid)).toBeUndefined();
      });
      expect(await metadata().files.find(file.uid)).toEqual(file);
    });

    it('roll everything back on a throw and pass it on', async () => {
      const [file, key] = [sampleFile(), sampleKey()];
      const thrown = new Error('stop');
      const failing = write(metadata(), async ({ files, keys }) => {
        await files.insert(file);
        await keys.insert(key);
        throw thrown;
      });
      await expect(failing).rejects.toBe(thrown);
      expect(await metadata().files.find(file.uid)).toBeUndefined();
      expect(await metadata().keys.find(key.id)).toBeUndefined();
    });

    it('let a failed one among many neither take others along nor leave traces', async () => {
      const files = Array.from({ length: 60 }, () => sampleFile());
      const results = await Promise.allSettled(
        files.map((file, i) =>
          write(metadata(), async (repositories) => {
            await repositories.files.insert(file);
            await repositories.links.insert(sampleLink({ uid: file.uid }));
            if (i % 3 === 0) throw new Error('stop');
          }),
        ),
      );
      for (const [i, file] of files.entries()) {
        const kept = i % 3 !== 0;
        expect(results[i]?.status).toBe(kept ? 'fulfilled' : 'rejected');
        expect((await metadata().files.find(file.uid)) !== undefined).toBe(kept);
        expect(await metadata().links.list(file.uid, NOW, 10)).toHaveLength(kept ? 1 : 0);
      }
    });

    it('run one after the other: 200 increments from two processes all count', async () => {
      const other = await openAnother();
      const file = sampleFile();
      const link = sampleLink({ maxUses: 1000 });
      await write(metadata(), async ({ files, links }) => {
        await files.insert(file);
        await links.insert(link);
      });
      const increment = async ({ files, links }: MetadataWriter) => {
        const before = await files.find(file.uid);
        await files.bumpLinkEpoch(file.uid, NOW);
        await links.use(link.id, NOW);
        const after = await files.find(file.uid);
        expect(after?.linkEpoch).toBe((before?.linkEpoch ?? 0) + 1);
      };
      await Promise.all(
        Array.from({ length: 200 }, (_, i) => write(i % 2 === 0 ? metadata() : other, increment)),
      );
      expect((await metadata().files.find(file.uid))?.linkEpoch).toBe(200);
      expect((await other.links.find(link.id))?.uses).toBe(200);
    });

    it('have one winner of a race for something unique; the others learn AlreadyExists', async () => {
      const other = await openAnother();
      const blob = sampleBlob();
      const race = Array.from({ length: 20 }, (_, i) =>
        write(i % 2 === 0 ? metadata() : other, ({ blobs }) =>
          blobs.insert(sampleBlob({ sha256: blob.sha256 }), samplePlacement()),
        ),
      );
      const results = await Promise.allSettled(race);
      expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'AlreadyExists' });
      }
    });

    it('show what one process committed to the other at once', async () => {
      const other = await openAnother();
      const file = sampleFile();
      await write(metadata(), ({ files }) => files.insert(file));
      expect(await other.files.find(file.uid)).toEqual(file);
      await write(other, ({ files }) => files.markDeleted(file.uid, NOW));
      expect((await metadata().files.find(file.uid))?.state).toBe('deleted');
    });

    it('are over when they are over', async () => {
      const escaped = await write(metadata(), async (repositories) => repositories);
      await expect(escaped.files.insert(sampleFile())).rejects.toMatchObject({ code: 'Internal' });
    });
  });

  describe('the database', () => {
    it('answers a ping, knows its schema, and migrates again without effect', async () => {
      await metadata().ping();
      const state = await metadata().schema();
      expect(state.pending).toEqual([]);
      expect(state.applied.length).toBeGreaterThan(0);
      expect(await metadata().migrate()).toEqual(state);
      const other = await openAnother();
      expect(await other.migrate()).toEqual(state);
    });

    it('refuses everything after close, and may be closed twice', async () => {
      const other = await openAnother();
      await Promise.all([other.close(), other.close()]);
      await expect(other.ping()).rejects.toMatchObject({ code: 'Unavailable' });
      await expect(other.files.find('1')).rejects.toMatchObject({ code: 'Unavailable' });
      const late = write(other, ({ files }) => files.insert(sampleFile()));
      await expect(late).rejects.toMatchObject({ code: 'Unavailable' });
    });

    it('finishes what was asked for before it closes', async () => {
      const other = await openAnother();
      const files = Array.from({ length: 50 }, () => sampleFile());
      const writes = files.map((file) => write(other, (repositories) => repositories.files.insert(file)));
      await other.close();
      await Promise.all(writes);
      expect(await metadata().files.findMany(files.map((file) => file.uid))).toHaveLength(50);
    });
  });
}
