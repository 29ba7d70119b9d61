import type { DriveJob, Entry } from '../model/entry.ts';
import type { MetadataReader, MetadataWriter } from '../ports/metadata.ts';
import { dropFiles } from './contents.ts';
import { bytesOf } from './filing.ts';

/** Entries that are removed in one transaction of a task. */
const BATCH = 500;
const FOLDERS = 200;
/** Versions that are removed in one transaction of a task; more than one file has. */
const VERSIONS = 1000;

/** Rows, contents and versions of these entries go, and what they took is given back; what is in folders is not looked at. At most 1000. */
export async function dropEntries(
  repositories: MetadataWriter,
  userId: string,
  entries: readonly Entry[],
  now: number,
): Promise<void> {
  if (entries.length === 0) return;
  const files = entries.filter(({ kind }) => kind === 'file');
  const versions = await repositories.entries.versionsOf(changedOf(files));
  const uids = [...files, ...versions].flatMap(({ fileUid }) => fileUid ?? []);
  for (let start = 0; start < uids.length; start += BATCH) {
    await dropFiles(repositories, uids.slice(start, start + BATCH), now);
  }
  await repositories.entries.remove(entries.map(({ id }) => id));
  const by = { used: -bytesOf(files) - bytesOf(versions), files: -files.length };
  if (files.length > 0) await repositories.drives.grow(userId, by);
}

/** Files that may have versions. */
function changedOf(entries: readonly Entry[]): readonly string[] {
  return entries.filter(({ version }) => version > 1).map(({ id }) => id);
}

/** True where these have at most so many versions together. */
export async function haveAtMost(
  { entries }: Pick<MetadataReader, 'entries'>,
  wanted: readonly Entry[],
  most: number,
): Promise<boolean> {
  const changed = changedOf(wanted);
  let room = most;
  for (let start = 0; start < changed.length && room >= 0; start += BATCH) {
    room -= (await entries.versionsOf(changed.slice(start, start + BATCH), room + 1)).length;
  }
  return room >= 0;
}

/** Those of these that one transaction removes with their versions; some at least. At most 1000. */
export async function asManyAsFit(
  { entries }: Pick<MetadataReader, 'entries'>,
  wanted: readonly Entry[],
): Promise<readonly Entry[]> {
  const versions = await entries.versionsOf(changedOf(wanted), VERSIONS);
  if (versions.length < VERSIONS) return wanted;
  const whole = new Set(versions.map(({ entryId }) => entryId));
  // The last may have more than were read.
  if (whole.size > 1) whole.delete(versions.at(-1)?.entryId ?? '');
  return wanted.filter(({ id, version }) => version <= 1 || whole.has(id));
}

/** Takes these out of the tree at once; what is in folders among them waits for the task. Returns how many are gone for good. */
export async function takeOut(
  repositories: MetadataWriter,
  { id: jobId, userId }: DriveJob,
  entries: readonly Entry[],
  now: number,
): Promise<number> {
  const files = entries.filter(({ kind }) => kind === 'file');
  const folders = entries.filter(({ kind }) => kind === 'folder').map(({ id }) => id);
  await dropEntries(repositories, userId, files, now);
  await repositories.entries.detach(folders, jobId);
  await repositories.drives.queue(
    folders.map((folderId) => ({ jobId, folderId, sourceId: undefined, after: undefined })),
  );
  return files.length;
}

/** Removes some of what waits for this task; undefined when nothing does, else how many are gone. */
export async function removeSome(
  repositories: MetadataWriter,
  job: DriveJob,
  now: number,
): Promise<number | undefined> {
  const waiting = (await repositories.drives.queued(job.id, FOLDERS)).map(({ folderId }) => folderId);
  if (waiting.length === 0) return undefined;
  const inside = await repositories.entries.inAny(waiting, BATCH);
  const fitting = await asManyAsFit(repositories, inside);
  const gone = await takeOut(repositories, job, fitting, now);
  if (inside.length === BATCH || fitting.length < inside.length) return gone;
  await repositories.entries.remove(waiting);
  await repositories.drives.unqueue(job.id, waiting);
  return gone + waiting.length;
}
