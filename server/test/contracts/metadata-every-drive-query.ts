import { newFileEntry, newFolder } from '#core/drive/new-entry.ts';
import type { DriveJob } from '#core/model/entry.ts';
import type { MetadataWriter } from '#core/ports/metadata.ts';
import { newId, sampleFile } from './metadata-samples.ts';

/** A folder of many, and a person with many entries, that are asked for in the middle. */
export interface DriveMidst {
  readonly userId: string;
  readonly folderId: string;
}

const ENTRIES = 4000;
const AT_ONCE = 500;

/** Some people with much, in a large folder and in many small ones; some of it is starred, and some in the trash. */
export async function fillDrive(r: MetadataWriter): Promise<DriveMidst> {
  const [userId, folderId] = [newId(), newId()];
  const users = [userId, ...Array.from({ length: 19 }, newId)];
  await r.entries.insert(newFolder({ id: folderId, userId, parentId: undefined, name: '' }, 1));
  for (let done = 0; done < ENTRIES; done += AT_ONCE) {
    const entries = Array.from({ length: AT_ONCE }, (_, index) => {
      const n = done + index;
      const of = users[n % users.length] ?? userId;
      const named = { id: newId(), userId: of, parentId: folderId, name: `n${n}` };
      const entry = n % 4 === 0 ? newFolder(named, n) : newFileEntry(named, sampleFile({ size: n }), n);
      const isTrashed = n % 5 < 2 && n % 3 === 0;
      const parent = n % 3 === 0 ? newId() : folderId;
      return {
        ...{ ...entry, parentId: parent, starredAt: n % 3 === 1 ? n : undefined },
        ...{ trashedAt: isTrashed ? n : undefined, liveParentId: isTrashed ? undefined : parent },
      };
    });
    await r.entries.insertMany(entries);
    for (const { id, kind } of entries) {
      if (kind === 'file') await r.entries.insertVersions([version(id, 1)]);
    }
    for (const { id, userId: of } of entries) await r.drives.insertUpload(upload(id, of));
    for (const { id } of entries) await r.drives.insert(drive(id));
    for (const { id } of entries) {
      await r.drives.insertJob({ ...sampleJob, id, endedAt: Number(BigInt(id) % 10n) === 0 ? undefined : 5 });
    }
    await r.drives.queue(entries.map(({ id }) => ({ ...queued(id), jobId: id })));
  }
  return { userId, folderId };
}

const drive = (userId: string) => ({
  ...{ userId, rootId: '2', usedBytes: 0, reservedBytes: 0, files: 0, createdAt: 1, endedAt: undefined },
});

const version = (entryId: string, n: number) => ({
  ...{ entryId, version: n, fileUid: '1', size: 1, contentType: 'c', modifiedAt: 1 },
});

const sampleJob: DriveJob = {
  ...{ id: '1', userId: '1', kind: 'copy', state: 'running', error: undefined, sourceId: '2' },
  ...{ parentId: '3', name: 'n', conflict: 'fail', stagingId: '3', reserved: 1, done: 0 },
  ...{ total: undefined, createdAt: 1, endedAt: undefined },
};

const upload = (uid: string, userId: string) => ({
  ...{ uid, userId, parentId: '1', name: 'n', conflict: 'fail' as const, size: 1, createdAt: 1 },
});

const queued = (folderId: string) => ({
  ...{ jobId: '1', folderId, sourceId: '1', after: undefined },
});

/** Every query about drives. */
export async function callEveryDriveQuery(
  r: MetadataWriter,
  { userId, folderId }: DriveMidst = { userId: '1', folderId: '2' },
): Promise<void> {
  await r.drives.insert(drive('1'));
  await r.drives.find('1');
  await r.drives.lock('1');
  await r.drives.scan('0', 10);
  await r.drives.counted(userId);
  await r.drives.grow('1', { used: 1, reserved: 1, files: 1 });
  await r.drives.take('1', { used: 1 }, 10);
  await r.drives.end('1', 1);
  await r.drives.insertUpload(upload('1', '1'));
  await r.drives.findUpload('1');
  await r.drives.uploads(userId, undefined, 10);
  await r.drives.removeUpload('1');
  await r.drives.insertJob(sampleJob);
  await r.drives.saveJob({ ...sampleJob, endedAt: 5 });
  await r.drives.findJob('1');
  await r.drives.unfinishedJobs(10);
  await r.drives.unfinishedJobsOf(userId, 10);
  await r.drives.queue([queued('5')]);
  await r.drives.setQueued({ ...queued('5'), after: 'a' });
  await r.drives.queued('1', 10);
  await r.drives.unqueue('1', ['5']);
  await r.drives.removeEndedJobs(5, 10);
  await r.drives.remove('1');
  const named = { id: '12', userId: '1', parentId: '11', name: 'n' };
  const folder = newFolder({ ...named, id: '11', parentId: undefined, name: '' }, 1);
  const file = newFileEntry(named, sampleFile(), 1);
  await r.entries.insert(folder);
  await r.entries.insertMany([file]);
  await r.entries.find('12');
  await r.entries.findMany(['11', '12']);
  await r.entries.lineage('12');
  await r.entries.lineages(['11', '12']);
  await r.entries.child(folderId, 'n1');
  await r.entries.takenKeys(folderId, ['n1', 'n2']);
  for (const kind of ['file', 'folder'] as const) {
    for (const descending of [true, false]) {
      const page = { folderId, kind, descending, limit: 10 };
      for (const after of [undefined, { value: 2000, id: '9' }]) {
        await r.entries.children({ ...page, sort: 'size', after });
        await r.entries.children({ ...page, sort: 'time', after });
      }
      for (const after of [undefined, { value: 'n2', id: '9' }]) {
        await r.entries.children({ ...page, sort: 'name', after });
      }
    }
  }
  await r.entries.childrenByName(folderId, 'n2', 10);
  await r.entries.foldersIn(['4', '5'], 10);
  await r.entries.inAny(['4', '5'], 10);
  await r.entries.totals(['4', '5']);
  for (const after of [undefined, { at: 2000, id: '9' }]) {
    await r.entries.trashed(userId, after, 10);
    await r.entries.recent(userId, after, 10);
    await r.entries.starred(userId, after, 10);
  }
  await r.entries.trashedBefore(10, 10);
  await r.entries.findByFile('1');
  await r.entries.namedFiles(['4', '5']);
  await r.entries.scan('0', 10);
  await r.entries.insertVersions([version('12', 1)]);
  await r.entries.findVersion('12', 1);
  await r.entries.versions('12', 9, 10);
  await r.entries.versionsOf(['11', '12']);
  await r.entries.versionsOf(['11', '12'], 10);
  await r.entries.removeVersions('12', [1, 2]);
  await r.entries.update(file);
  await r.entries.update({ ...file, nameKey: 'm' });
  await r.names.candidates({ userId, tokens: [1, -2], before: undefined, limit: 10 });
  for (const digest of [{ sha1: 'a' }, { sha256: 'a' }]) await r.contents.having(userId, digest);
  for (const digest of [{ sha1: 'a' }, { sha256: 'a' }]) await r.contents.peopleHaving(digest, 1);
  await r.contents.digestsOf(['1', '2']);
  await r.names.candidates({ userId, tokens: [1], before: '9', limit: 10 });
  await r.entries.detach(['12'], '1');
  await r.entries.remove(['11', '12']);
}
