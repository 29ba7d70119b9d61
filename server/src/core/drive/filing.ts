import { OsproxyError } from '../errors.ts';
import type { ConflictPolicy, Entry, EntryVersion } from '../model/entry.ts';
import type { FileRecord } from '../model/file.ts';
import type { DriveGrowth } from '../ports/metadata/drives.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import { dropFiles } from './contents.ts';
import type { DriveParts } from './drive-parts.ts';
import { entryEvent } from './entry-events.ts';
import { newFileEntry } from './new-entry.ts';
import { chosenName } from './placing.ts';

type FilingParts = Pick<DriveParts, 'ids' | 'drive'>;

/** Versions looked at when the oldest are given up. */
const MOST_VERSIONS = 1000;

export interface Destination {
  readonly userId: string;
  readonly folderId: string;
  readonly name: string;
  readonly conflict: ConflictPolicy;
}

/** Where a file is going to be, chosen under the drive's lock; `put` makes it so. What it takes is counted by the caller, a new version being no new file. */
export async function chooseFile(
  parts: FilingParts,
  repositories: MetadataWriter,
  { userId, folderId, name: wanted, conflict }: Destination,
): Promise<{ put(file: FileRecord, now: number): Promise<Entry> }> {
  const { name, replaces } = await chosenName(repositories, folderId, wanted, conflict, undefined);
  return {
    put: async (file, now) => {
      if (replaces !== undefined) return putVersion(parts, repositories, replaces, file, now);
      const entry = newFileEntry({ id: parts.ids.next(), userId, parentId: folderId, name }, file, now);
      await repositories.entries.insert(entry);
      await repositories.events.append(entryEvent('entry.created', entry), now);
      return entry;
    },
  };
}

/** The content that a file has becomes an earlier version, and this one takes its place. */
export async function putVersion(
  parts: FilingParts,
  repositories: MetadataWriter,
  entry: Entry,
  file: Pick<FileRecord, 'uid' | 'size' | 'contentType'>,
  now: number,
): Promise<Entry> {
  await repositories.entries.insertVersions([presentVersion(entry)]);
  const content = { fileUid: file.uid, size: file.size, contentType: file.contentType };
  const changed: Entry = {
    ...{ ...entry, ...content, version: entry.version + 1, modifiedAt: now, updatedAt: now },
  };
  await repositories.entries.update(changed);
  await pruneVersions(parts, repositories, changed, now);
  await repositories.events.append(entryEvent('entry.changed', changed), now);
  return changed;
}

/** The content of one file, and those it had before, become the newest versions of another; the entry itself is no more. */
export async function absorb(
  parts: FilingParts,
  repositories: MetadataWriter,
  moving: Entry,
  target: Entry,
  now: number,
): Promise<Entry> {
  const before = [...(await repositories.entries.versionsOf([moving.id]))].sort(
    (a, b) => a.version - b.version,
  );
  let { version } = target;
  const taken = before.map((one): EntryVersion => {
    version += 1;
    return { ...one, entryId: target.id, version };
  });
  await repositories.entries.remove([moving.id]);
  await repositories.entries.insertVersions([presentVersion(target), ...taken]);
  const { fileUid, size, contentType, modifiedAt } = moving;
  const content = { fileUid, size, contentType, modifiedAt };
  const changed: Entry = { ...target, ...content, version: version + 1, updatedAt: now };
  await repositories.entries.update(changed);
  await repositories.drives.grow(target.userId, { files: -1 });
  await pruneVersions(parts, repositories, changed, now);
  await repositories.events.append(entryEvent('entry.deleted', moving, { replaces: target.id }), now);
  await repositories.events.append(entryEvent('entry.changed', changed), now);
  return changed;
}

/** Gives up the oldest of more versions than are kept, and their bytes. */
async function pruneVersions(
  { drive }: FilingParts,
  repositories: MetadataWriter,
  entry: Entry,
  now: number,
): Promise<void> {
  const all = await repositories.entries.versions(entry.id, undefined, MOST_VERSIONS);
  await removeVersions(repositories, entry, all.slice(drive.versions), now);
}

export async function removeVersions(
  repositories: MetadataWriter,
  { id, userId }: Entry,
  versions: readonly EntryVersion[],
  now: number,
): Promise<void> {
  if (versions.length === 0) return;
  await repositories.entries.removeVersions(
    id,
    versions.map(({ version }) => version),
  );
  await dropFiles(
    repositories,
    versions.map(({ fileUid }) => fileUid),
    now,
  );
  await repositories.drives.grow(userId, { used: -bytesOf(versions) });
}

export function bytesOf(contents: readonly { readonly size: number }[]): number {
  return contents.reduce((sum, { size }) => sum + size, 0);
}

export function presentVersion(entry: Entry): EntryVersion {
  const { id: entryId, version, fileUid = '0', size, contentType = '', modifiedAt } = entry;
  return { entryId, version, fileUid, size, contentType, modifiedAt };
}

/** Counts bytes against the quota in bytes, and locks the drive. Throws QuotaExceeded, with nothing changed, where there is no room. */
export async function takeRoom(
  repositories: MetadataWriter,
  userId: string,
  by: DriveGrowth,
  quota: number | undefined,
): Promise<void> {
  if (await repositories.drives.take(userId, by, quota)) return;
  const { usedBytes = 0, reservedBytes = 0 } = (await repositories.drives.find(userId)) ?? {};
  const free = Math.max(0, (quota ?? 0) - usedBytes - reservedBytes);
  const wanted = (by.used ?? 0) + (by.reserved ?? 0);
  throw new OsproxyError(
    'QuotaExceeded',
    `There is room for ${free} more bytes in this drive, and ${wanted} are needed.`,
    { details: { field: 'size', quota, usedBytes, reservedBytes, needed: wanted } },
  );
}
