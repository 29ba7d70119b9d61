import { isOsproxyError, OsproxyError } from '../errors.ts';
import { type DriveJob, type Entry, MAX_DEPTH } from '../model/entry.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import { abortOpen } from '../upload-state.ts';
import type { UploadTies } from '../upload-ties.ts';
import { copySome } from './copying.ts';
import type { DriveParts } from './drive-parts.ts';
import { entryEvent } from './entry-events.ts';
import { nameKeyOf } from './entry-names.ts';
import { chosenName, liveFolder, refuseDeep } from './placing.ts';
import { asManyAsFit, removeSome, takeOut } from './removal.ts';
import { depthBelow } from './subtree.ts';
import { tellDeleted } from './trash.ts';
import { noEntry } from './tree.ts';

export interface StepParts extends DriveParts {
  readonly ties: UploadTies;
}

const BATCH = 500;

/** One transaction of a job, under the drive's lock; the job as it is then, undefined where there is none. */
export async function stepOf(
  parts: StepParts,
  repositories: MetadataWriter,
  jobId: string,
): Promise<DriveJob | undefined> {
  const before = await repositories.drives.findJob(jobId);
  if (before === undefined || before.endedAt !== undefined) return before;
  const drive = await repositories.drives.lock(before.userId);
  const job = (await repositories.drives.findJob(jobId)) ?? before;
  const now = parts.clock.now();
  const isGone = drive === undefined || drive.endedAt !== undefined;
  const after =
    isGone && job.kind === 'copy' && job.state === 'running'
      ? failed(job, 'The drive is being deleted.')
      : await step(parts, repositories, job, now);
  await repositories.drives.saveJob(after);
  return after;
}

function step(parts: StepParts, repositories: MetadataWriter, job: DriveJob, now: number): Promise<DriveJob> {
  if (job.kind === 'copy') {
    return job.state === 'running'
      ? copyStep(parts, repositories, job, now)
      : undoStep(repositories, job, now);
  }
  return removeStep(parts, repositories, job, now);
}

/** Copies some, or gives the whole its place. What cannot be done is no error of the task: it is what became of the job. */
async function copyStep(
  parts: StepParts,
  repositories: MetadataWriter,
  job: DriveJob,
  now: number,
): Promise<DriveJob> {
  try {
    return (await copySome(parts, repositories, job, now)) ?? (await attach(repositories, job, now));
  } catch (error) {
    // These are thrown before anything of the step is written.
    const codes = [
      'QuotaExceeded',
      'TooLarge',
      'NotFound',
      'AlreadyExists',
      'Conflict',
      'InvalidArgument',
    ] as const;
    if (error instanceof OsproxyError && codes.some((code) => isOsproxyError(error, code))) {
      return failed(job, error.message);
    }
    throw error;
  }
}

/** The whole copy appears in one step. */
async function attach(repositories: MetadataWriter, job: DriveJob, now: number): Promise<DriveJob> {
  const { userId, stagingId = '', parentId = '', name: wanted = '', conflict = 'fail' } = job;
  const top = await repositories.entries.find(stagingId);
  if (top === undefined) throw noEntry(stagingId);
  const { folderId, depth } = await liveFolder(repositories, userId, parentId);
  refuseDeep(depth + 1 + (await depthBelow(repositories, stagingId, MAX_DEPTH - depth - 1)));
  const { name } = await chosenName(repositories, folderId, wanted, conflict, top);
  const place = { name, nameKey: nameKeyOf(name), parentId: folderId, liveParentId: folderId };
  const whole: Entry = { ...top, ...place, jobId: undefined, updatedAt: now };
  await repositories.entries.update(whole);
  await repositories.drives.grow(userId, { reserved: -job.reserved });
  await repositories.events.append(entryEvent('entry.created', whole, { entries: job.done }), now);
  return { ...job, state: 'done', reserved: 0, endedAt: now };
}

function failed(job: DriveJob, error: string): DriveJob {
  return { ...job, state: 'failed', error };
}

/** What was reserved is given back, and what was made is removed. */
async function undoStep(repositories: MetadataWriter, job: DriveJob, now: number): Promise<DriveJob> {
  const { id: jobId, stagingId } = job;
  if (stagingId === undefined) {
    return (await removeSome(repositories, job, now)) === undefined ? { ...job, endedAt: now } : job;
  }
  const left = await repositories.drives.queued(jobId, BATCH);
  await repositories.drives.unqueue(
    jobId,
    left.map(({ folderId }) => folderId),
  );
  if (left.length === BATCH) return job;
  await repositories.drives.queue([{ jobId, folderId: stagingId, sourceId: undefined, after: undefined }]);
  await repositories.drives.grow(job.userId, { reserved: -job.reserved });
  return { ...job, reserved: 0, stagingId: undefined };
}

async function removeStep(
  parts: StepParts,
  repositories: MetadataWriter,
  job: DriveJob,
  now: number,
): Promise<DriveJob> {
  const gone = await removeSome(repositories, job, now);
  if (gone !== undefined) return { ...job, done: job.done + gone };
  if (job.kind !== 'delete') {
    const more = await takeMore(parts, repositories, job, now);
    if (more !== undefined) return { ...job, done: job.done + more };
  }
  return { ...job, state: 'done', endedAt: now };
}

/** What else there is to remove: of the trash as it was, or of the whole drive. Undefined when nothing is left. */
async function takeMore(
  parts: StepParts,
  repositories: MetadataWriter,
  job: DriveJob,
  now: number,
): Promise<number | undefined> {
  const { userId, kind } = job;
  const until = kind === 'empty' ? { at: job.createdAt + 1, id: '0' } : undefined;
  const trashed = await repositories.entries.trashed(userId, until, BATCH);
  if (trashed.length > 0) {
    const fitting = await asManyAsFit(repositories, trashed);
    await tellDeleted(repositories, fitting, now);
    return takeOut(repositories, job, fitting, now);
  }
  if (kind === 'empty') return undefined;
  if (await abortSome(parts, repositories, userId, now)) return 0;
  const drive = await repositories.drives.find(userId);
  const root = drive === undefined ? undefined : await repositories.entries.find(drive.rootId);
  if (root !== undefined) return takeOut(repositories, job, [root], now);
  await repositories.drives.remove(userId);
  return undefined;
}

async function abortSome(
  { ties }: StepParts,
  repositories: MetadataWriter,
  userId: string,
  now: number,
): Promise<boolean> {
  const uploads = await repositories.drives.uploads(userId, undefined, 100);
  for (const { uid } of uploads) {
    const upload = await repositories.uploads.lock(uid);
    if (upload?.state === 'open') await abortOpen(repositories, upload, now, ties);
    else await repositories.drives.removeUpload(uid);
  }
  return uploads.length > 0;
}
