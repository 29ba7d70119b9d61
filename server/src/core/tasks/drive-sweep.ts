import { Type } from 'typebox';
import { throwIfCancelled } from '../cancellation.ts';
import type { DriveParts } from '../drive/drive-parts.ts';
import { driveTask } from '../drive/jobs.ts';
import { DriveTrash } from '../drive/trash.ts';
import { isOsproxyError } from '../errors.ts';
import type { TaskType } from './task-type.ts';

const BATCH = 100;
const MOST_JOBS = 1000;
/** How long people can see what became of their tasks. */
const JOB_HISTORY_MS = 7 * 86_400_000;
const EVERY_MS = 600_000;
const schema = Type.Object({});

/** Removes what was in the trash for long enough, takes up work whose task was lost, and forgets work that ended long ago. */
export function driveSweepType(parts: DriveParts): TaskType<typeof schema> {
  const { metadata, ids, clock, drive, settings } = parts;
  const trash = new DriveTrash(parts);
  return {
    type: 'drive-sweep',
    schema,
    everyMs: EVERY_MS,
    handle: async (_payload, { signal, commit }) => {
      const unfinished = await metadata.drives.unfinishedJobs(MOST_JOBS);
      for (const { id } of unfinished) {
        throwIfCancelled(signal);
        const task = driveTask(id, settings.taskAttempts);
        await commit(({ tasks }) => tasks.enqueue(ids.next(), task, clock.now()));
      }
      const cutoff = clock.now() - JOB_HISTORY_MS;
      await commit(({ drives }) => drives.removeEndedJobs(cutoff, MOST_JOBS));
      if (drive.trashMs === undefined) return 'done';
      const before = clock.now() - drive.trashMs;
      const old = await metadata.entries.trashedBefore(before, BATCH);
      for (const { id, userId } of old) {
        throwIfCancelled(signal);
        await trash.remove(userId, id, before).catch((error: unknown) => {
          // Its person was there first.
          if (!isOsproxyError(error, 'NotFound')) throw error;
        });
      }
      return old.length === BATCH ? 'again' : 'done';
    },
  };
}
