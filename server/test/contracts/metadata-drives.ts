import { describe, expect, it } from 'vitest';
import { newFolder } from '#core/drive/new-entry.ts';
import type { DriveJob, DriveRecord } from '#core/model/entry.ts';
import { sampleEntry } from './metadata-entries.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, sampleUpload, write } from './metadata-samples.ts';

export function drivesContract({ metadata, openAnother }: Fixture): void {
  const sample = (): DriveRecord => ({
    ...{ userId: newId(), rootId: newId(), usedBytes: 0, reservedBytes: 0, files: 0, createdAt: NOW },
    endedAt: undefined,
  });
  const insert = (drive: DriveRecord) => write(metadata(), (r) => r.drives.insert(drive));

  describe('drives', () => {
    it('are made once', async () => {
      const drive = sample();
      expect(await insert(drive)).toBe(true);
      expect(await insert({ ...drive, rootId: newId() })).toBe(false);
      expect(await metadata().drives.find(drive.userId)).toEqual(drive);
      expect(await metadata().drives.find(newId())).toBeUndefined();
      expect(await write(metadata(), (r) => r.drives.lock(drive.userId))).toEqual(drive);
      expect(await write(metadata(), (r) => r.drives.lock(newId()))).toBeUndefined();
      await write(metadata(), (r) => r.drives.end(drive.userId, NOW + 1));
      expect((await metadata().drives.find(drive.userId))?.endedAt).toBe(NOW + 1);
      await write(metadata(), (r) => r.drives.remove(drive.userId));
      expect(await metadata().drives.find(drive.userId)).toBeUndefined();
    });

    it('grow up to a quota and never beyond, however many ask at once', async () => {
      const drive = sample();
      const { userId } = drive;
      await insert(drive);
      const other = await openAnother();
      const asked = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          write(i % 2 === 0 ? metadata() : other, (r) => r.drives.take(userId, { reserved: 10 }, 105)),
        ),
      );
      expect(asked.filter(Boolean)).toHaveLength(10);
      expect((await metadata().drives.find(userId))?.reservedBytes).toBe(100);
      const take = (by: object, quota?: number) => write(metadata(), (r) => r.drives.take(userId, by, quota));
      expect(await take({ used: 6 }, 105)).toBe(false);
      expect(await take({ used: 10, reserved: -10, files: 1 }, 105)).toBe(true);
      expect(await take({ used: 5 }, 105)).toBe(true);
      expect(await take({ used: 3_000_000_000_000 })).toBe(true);
      expect(await take({ used: 1 }, 105)).toBe(false);
      await write(metadata(), (r) => r.drives.grow(userId, { used: -1, files: -1 }));
      expect(await metadata().drives.find(userId)).toMatchObject({
        ...{ usedBytes: 3_000_000_000_014, reservedBytes: 90, files: 0 },
      });
      expect(await write(metadata(), (r) => r.drives.take(newId(), { used: 1 }, undefined))).toBe(false);
    });

    it('take nothing more once they have ended, and can still be counted down', async () => {
      const drive = { ...sample(), usedBytes: 5 };
      const { userId } = drive;
      await insert(drive);
      await write(metadata(), (r) => r.drives.end(userId, NOW));
      expect(await write(metadata(), (r) => r.drives.take(userId, { used: 1 }, undefined))).toBe(false);
      await write(metadata(), (r) => r.drives.grow(userId, { used: -5 }));
      expect((await metadata().drives.find(userId))?.usedBytes).toBe(0);
    });

    it('are walked in the order of their people', async () => {
      const drives = [sample(), sample(), sample()];
      for (const drive of drives.toReversed()) await insert(drive);
      const [first] = drives;
      expect(await metadata().drives.scan(first?.userId, 2)).toEqual(drives.slice(1));
      expect(await metadata().drives.scan(drives[1]?.userId, 1)).toEqual([drives[2]]);
      expect(await metadata().drives.scan(drives[2]?.userId, 9)).toEqual([]);
    });

    it('are counted by what people have', async () => {
      const [userId, other] = [newId(), newId()];
      const { drives, entries } = metadata();
      const nothing = { usedBytes: 0, reservedBytes: 0, files: 0 };
      expect(await drives.counted(userId)).toEqual(nothing);
      const parentId = newId();
      const files = [3_000_000_000_000, 20].map((size, n) =>
        sampleEntry({ userId, parentId, name: `f${n}`, size, version: 1 + n * 2 }),
      );
      const trashed = { trashedAt: NOW, liveParentId: undefined };
      const away = sampleEntry({ userId, name: 'away', size: 100, ...trashed });
      const foreign = sampleEntry({ userId: other, name: 'foreign', size: 7 });
      const folder = newFolder({ id: newId(), userId, parentId, name: 'folder' }, NOW);
      const [plain, changed] = files;
      const versions = [1, 2].map((version) => ({
        ...{ entryId: changed?.id ?? '', version, fileUid: newId(), size: 1000, contentType: 'a/b' },
        modifiedAt: NOW,
      }));
      const uploads = [1, 2].map((n) => sampleUpload({ owner: `~${userId}`, size: n * 5 }));
      const tied = uploads.map(({ uid, size = 0 }) => ({
        ...{ uid, userId, parentId, name: 'n', conflict: 'fail' as const, size, createdAt: NOW },
      }));
      const job: DriveJob = {
        ...{ id: newId(), userId, kind: 'copy', state: 'running', error: undefined, sourceId: newId() },
        ...{ parentId, name: 'n', conflict: 'keepBoth', stagingId: newId(), reserved: 40, done: 0 },
        ...{ total: undefined, createdAt: NOW, endedAt: undefined },
      };
      const over = { ...job, id: newId(), endedAt: NOW };
      await write(metadata(), async (r) => {
        await r.entries.insertMany([...files, away, foreign, folder]);
        await r.entries.insertVersions(versions);
        for (const upload of uploads) await r.uploads.insert(upload);
        for (const upload of tied) await r.drives.insertUpload(upload);
        for (const one of [job, over, { ...job, id: newId(), userId: other }]) await r.drives.insertJob(one);
        await r.uploads.abort(uploads[0]?.uid ?? '', NOW);
      });
      const counted = { usedBytes: 3_000_000_002_120, reservedBytes: 50, files: 3 };
      expect(await drives.counted(userId)).toEqual(counted);
      expect(await drives.counted(other)).toEqual({ usedBytes: 7, reservedBytes: 40, files: 1 });
      expect(await drives.unfinishedJobsOf(userId, 10)).toEqual([job]);
      const named = [plain?.fileUid ?? '', versions[1]?.fileUid ?? '', away.fileUid ?? ''];
      expect([...(await entries.namedFiles([newId(), ...named]))].sort()).toEqual(named.sort());
      expect((await entries.namedFiles([])).size).toBe(0);
      await write(metadata(), async (r) => {
        await r.entries.remove([...files, away, folder, foreign].map(({ id }) => id));
        for (const { id } of await r.drives.unfinishedJobsOf(other, 10)) {
          await r.drives.saveJob({ ...over, id });
        }
        await r.drives.saveJob({ ...job, endedAt: NOW });
        for (const { uid } of uploads) await r.drives.removeUpload(uid);
        await r.drives.removeEndedJobs(NOW, 10);
      });
      expect(await drives.counted(userId)).toEqual(nothing);
    });

    it('know their uploads', async () => {
      const userId = newId();
      const uploads = [1, 2, 3].map((n) => ({
        ...{ uid: newId(), userId, parentId: newId(), name: `n${n} 😀`, conflict: 'keepBoth' as const },
        ...{ size: n * 5_000_000_000, createdAt: NOW },
      }));
      await write(metadata(), async ({ drives }) => {
        for (const upload of uploads) await drives.insertUpload(upload);
      });
      const { drives } = metadata();
      expect(await drives.uploads(userId, undefined, 10)).toEqual(uploads.toReversed());
      expect(await drives.uploads(userId, uploads[2]?.uid, 1)).toEqual([uploads[1]]);
      expect(await drives.findUpload(uploads[0]?.uid ?? '')).toEqual(uploads[0]);
      expect(await drives.findUpload(newId())).toBeUndefined();
      const remove = (uid: string) => write(metadata(), (r) => r.drives.removeUpload(uid));
      expect(await remove(uploads[0]?.uid ?? '')).toBe(true);
      expect(await remove(uploads[0]?.uid ?? '')).toBe(false);
    });

    it('keep what a task has yet to do', async () => {
      const job: DriveJob = {
        ...{ id: newId(), userId: newId(), kind: 'copy', state: 'running', error: undefined },
        ...{ sourceId: newId(), parentId: newId(), name: 'n', conflict: 'keepBoth', stagingId: newId() },
        ...{ reserved: 7, done: 0, total: undefined, createdAt: NOW, endedAt: undefined },
      };
      await write(metadata(), (r) => r.drives.insertJob(job));
      const { drives } = metadata();
      expect(await drives.findJob(job.id)).toEqual(job);
      expect(await drives.findJob(newId())).toBeUndefined();
      expect(await drives.unfinishedJobs(10)).toEqual([job]);
      const later: DriveJob = {
        ...{ ...job, kind: 'delete', state: 'failed', error: 'e', sourceId: undefined, parentId: undefined },
        ...{ name: undefined, conflict: undefined, stagingId: undefined, reserved: 0, done: 3, total: 9 },
        endedAt: NOW + 5,
      };
      await write(metadata(), (r) => r.drives.saveJob(later));
      expect(await drives.findJob(job.id)).toEqual(later);
      expect(await drives.unfinishedJobs(10)).toEqual([]);
      const [a, b] = [newId(), newId()];
      const folder = (folderId: string, sourceId: string | undefined) => ({
        ...{ jobId: job.id, folderId, sourceId, after: undefined },
      });
      const [first, second] = [folder(a, newId()), folder(b, undefined)];
      await write(metadata(), async (r) => {
        await r.drives.queue([second, first]);
        await r.drives.queue([]);
      });
      expect(await drives.queued(job.id, 10)).toEqual([first, second]);
      await write(metadata(), (r) => r.drives.setQueued({ ...first, after: 'x y' }));
      expect(await drives.queued(job.id, 1)).toEqual([{ ...first, after: 'x y' }]);
      await write(metadata(), (r) => r.drives.unqueue(job.id, [a]));
      expect(await drives.queued(job.id, 10)).toEqual([second]);
      expect(await write(metadata(), (r) => r.drives.removeEndedJobs(NOW + 4, 10))).toBe(0);
      expect(await write(metadata(), (r) => r.drives.removeEndedJobs(NOW + 5, 10))).toBe(1);
      expect(await drives.queued(job.id, 10)).toEqual([]);
      expect(await drives.findJob(job.id)).toBeUndefined();
    });
  });
}
