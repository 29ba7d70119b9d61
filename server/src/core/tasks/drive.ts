import { Type } from 'typebox';
import { throwIfCancelled } from '../cancellation.ts';
import { noRoom } from '../drive/copying.ts';
import { type StepParts, stepOf } from '../drive/job-steps.ts';
import { DRIVE_TASK } from '../drive/jobs.ts';
import { totalsOf } from '../drive/subtree.ts';
import type { DriveJob } from '../model/entry.ts';
import type { TaskContext, TaskType } from './task-type.ts';

const schema = Type.Object({ id: Type.String() });

/** Copies and removes large trees in many small transactions; cut off anywhere, it goes on where the last one ended. */
export function driveType(parts: StepParts): TaskType<typeof schema> {
  const { metadata } = parts;
  return {
    type: DRIVE_TASK,
    schema,
    cancelledBy: 'a copy is cancelled by its person, and what is removed stays removed.',
    handle: async ({ id }, context) => {
      const begun = await metadata.drives.findJob(id);
      if (begun === undefined || begun.endedAt !== undefined) return 'done';
      if (begun.total === undefined) await count(parts, begun, context);
      for (;;) {
        throwIfCancelled(context.signal);
        const job = await context.commit((repositories) => stepOf(parts, repositories, id));
        if (job === undefined || job.endedAt !== undefined) return 'done';
        context.progress({ done: job.done, total: job.total, unit: 'entries' });
      }
    },
  };
}

/** How much there is to do. What a copy takes is reserved before it begins, so that it ends, or is refused, at once. */
async function count(
  { metadata, allowanceOf }: StepParts,
  { id, kind, sourceId }: DriveJob,
  { signal, commit }: TaskContext,
): Promise<void> {
  if (kind !== 'copy' || sourceId === undefined) return;
  const { entries, bytes } = await totalsOf(metadata, sourceId, signal);
  await commit(async (repositories) => {
    const found = await repositories.drives.findJob(id);
    if (found?.state !== 'running' || found.total !== undefined) return;
    const { userId, stagingId = '' } = found;
    const { quota } = await allowanceOf(repositories, userId);
    const hasRoom = await repositories.drives.take(userId, { reserved: bytes }, quota);
    const counted: DriveJob = { ...found, total: entries, reserved: bytes };
    const refused: DriveJob = { ...found, total: entries, state: 'failed', error: noRoom(bytes).message };
    await repositories.drives.saveJob(hasRoom ? counted : refused);
    if (!hasRoom) return;
    await repositories.drives.queue([{ jobId: id, folderId: stagingId, sourceId, after: undefined }]);
  });
}
