import { OsproxyError } from '../errors.ts';
import type { DriveJob, Entry } from '../model/entry.ts';
import type { QueuedFolder } from '../ports/metadata/drives.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import { copyFiles } from './contents.ts';
import type { DriveParts } from './drive-parts.ts';
import { bytesOf } from './filing.ts';
import { newFileEntry, newFolder } from './new-entry.ts';

/** Entries that are copied in one transaction of a task. */
const BATCH = 500;
/** Folders that one of these may fill. */
const FOLDERS = 50;

export type CopyParts = Pick<DriveParts, 'ids' | 'holders' | 'policy' | 'settings' | 'allowanceOf'>;

/** A new entry for each of these, in the folders that `folderOf` names; files whose content is gone are left out. */
export async function copyEntries(
  parts: CopyParts,
  repositories: MetadataWriter,
  sources: readonly Entry[],
  folderOf: (source: Entry, newIds: ReadonlyMap<string, string>) => string,
  now: number,
): Promise<{ readonly entries: readonly Entry[]; readonly newIds: ReadonlyMap<string, string> }> {
  const newIds = new Map(sources.map(({ id }) => [id, parts.ids.next()]));
  const files = sources.flatMap(({ fileUid, name, contentType = '' }) =>
    fileUid === undefined ? [] : [{ uid: fileUid, name, contentType }],
  );
  const copied = [];
  for (let start = 0; start < files.length; start += BATCH) {
    copied.push(...(await copyFiles(parts, repositories, files.slice(start, start + BATCH), now)));
  }
  const entries: Entry[] = [];
  let next = 0;
  for (const source of sources) {
    const id = newIds.get(source.id) ?? '';
    const named = { id, userId: source.userId, parentId: folderOf(source, newIds), name: source.name };
    if (source.kind === 'folder') {
      entries.push(newFolder(named, now));
      continue;
    }
    const file = copied[next];
    next += 1;
    if (file !== undefined) {
      entries.push({ ...newFileEntry(named, file, now), modifiedAt: source.modifiedAt });
    }
  }
  await repositories.entries.insertMany(entries);
  return { entries, newIds };
}

/** Copies some of what waits for this task, within what is reserved for it; undefined when nothing waits. Throws QuotaExceeded before anything is written. */
export async function copySome(
  parts: CopyParts,
  repositories: MetadataWriter,
  job: DriveJob,
  now: number,
): Promise<DriveJob | undefined> {
  const waiting = await repositories.drives.queued(job.id, FOLDERS);
  if (waiting.every(({ sourceId }) => sourceId === undefined)) return undefined;
  const pages = await nextPages(repositories, waiting);
  const sources = pages.flatMap(({ page }) => page);
  const placeOf = new Map(pages.flatMap(({ folder, page }) => page.map(({ id }) => [id, folder.folderId])));
  const reserved = await reserveMore(parts, repositories, job, bytesOf(sources));
  const folderOf = ({ id }: Entry) => placeOf.get(id) ?? '';
  const { entries, newIds } = await copyEntries(parts, repositories, sources, folderOf, now);
  const files = entries.filter(({ kind }) => kind === 'file');
  const made = bytesOf(files);
  await repositories.drives.grow(job.userId, { used: made, reserved: -made, files: files.length });
  const queued = sources
    .filter(({ kind }) => kind === 'folder')
    .map(({ id }) => ({
      ...{ jobId: job.id, folderId: newIds.get(id) ?? '', sourceId: id, after: undefined },
    }));
  await repositories.drives.queue(queued);
  const whole = pages.filter(({ isLast }) => isLast).map(({ folder }) => folder.folderId);
  await repositories.drives.unqueue(job.id, whole);
  const [cut] = pages.filter(({ isLast }) => !isLast);
  if (cut !== undefined) {
    await repositories.drives.setQueued({ ...cut.folder, after: cut.page.at(-1)?.nameKey });
  }
  return { ...job, reserved: reserved - made, done: job.done + sources.length };
}

/** What is to be copied next, of as many folders as give a full batch; only the last can have more. Throws NotFound where one of them was removed: what was in it is not known. */
async function nextPages(
  { entries }: MetadataWriter,
  waiting: readonly QueuedFolder[],
): Promise<{ folder: QueuedFolder; page: readonly Entry[]; isLast: boolean }[]> {
  const sources = await entries.findMany(waiting.flatMap(({ sourceId }) => sourceId ?? []));
  const there = new Set(sources.filter(({ jobId }) => jobId === undefined).map(({ id }) => id));
  const pages = [];
  let room = BATCH;
  for (const folder of waiting) {
    if (room === 0 || folder.sourceId === undefined) break;
    if (!there.has(folder.sourceId)) {
      throw new OsproxyError('NotFound', 'A folder was removed while it was copied.');
    }
    const page = await entries.childrenByName(folder.sourceId, folder.after, room);
    pages.push({ folder, page, isLast: page.length < room });
    room -= page.length;
  }
  return pages;
}

/** What came into the source since it was counted is reserved as well. */
async function reserveMore(
  { allowanceOf }: CopyParts,
  repositories: MetadataWriter,
  { userId, reserved }: DriveJob,
  bytes: number,
): Promise<number> {
  if (bytes <= reserved) return reserved;
  const { quota } = await allowanceOf(repositories, userId);
  if (await repositories.drives.take(userId, { reserved: bytes - reserved }, quota)) return bytes;
  throw noRoom(bytes - reserved);
}

export function noRoom(bytes: number): OsproxyError {
  return new OsproxyError('QuotaExceeded', `There is no room for ${bytes} more bytes in this drive.`, {
    details: { needed: bytes },
  });
}
