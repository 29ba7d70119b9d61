import { OsproxyError } from '../errors.ts';
import type { DriveJob } from '../model/entry.ts';
import type { NewTask } from '../model/task.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import type { DriveParts } from './drive-parts.ts';

export const DRIVE_TASK = 'drive';

interface NewJob
  extends Partial<Pick<DriveJob, 'sourceId' | 'parentId' | 'name' | 'conflict' | 'stagingId' | 'total'>> {
  readonly id: string;
  readonly userId: string;
  readonly kind: DriveJob['kind'];
}

/** The task that does the work of a job; enqueued again where it was lost, it goes on. */
export function driveTask(jobId: string, maxAttempts: number): NewTask {
  return { type: DRIVE_TASK, key: jobId, payload: { id: jobId }, maxAttempts };
}

/** Leaves work to a task, in the transaction of what it follows from. */
export async function startJob(
  { ids, settings }: Pick<DriveParts, 'ids' | 'settings'>,
  repositories: MetadataWriter,
  wanted: NewJob,
  now: number,
): Promise<DriveJob> {
  const job: DriveJob = {
    ...{ sourceId: undefined, parentId: undefined, name: undefined, conflict: undefined },
    ...{ stagingId: undefined, total: undefined, ...wanted, state: 'running', error: undefined },
    ...{ reserved: 0, done: 0, createdAt: now, endedAt: undefined },
  };
  await repositories.drives.insertJob(job);
  await repositories.tasks.enqueue(ids.next(), driveTask(job.id, settings.taskAttempts), now);
  return job;
}

/** The large work of people, as each sees the own. */
export class DriveJobs {
  readonly #parts: DriveParts;

  constructor(parts: DriveParts) {
    this.#parts = parts;
  }

  /** Throws NotFound. */
  async find(userId: string, id: string): Promise<DriveJob> {
    const job = await this.#parts.metadata.drives.findJob(id);
    if (job?.userId === userId) return job;
    throw new OsproxyError('NotFound', `There is no task ${id}.`, { details: { id } });
  }

  /** Ends a copy, and removes what it has made. Throws Conflict for what is over, and for a removal: what is gone does not come back. */
  async cancel(userId: string, id: string): Promise<DriveJob> {
    await this.find(userId, id);
    const { metadata, wakeTasks } = this.#parts;
    const cancelled = await metadata.transaction(async (repositories) => {
      await repositories.drives.lock(userId);
      const job = await repositories.drives.findJob(id);
      if (job?.state === 'cancelled') return job;
      if (job?.kind !== 'copy' || job.state !== 'running') {
        throw new OsproxyError(
          'Conflict',
          `Task ${id} cannot be cancelled: it is over, or removes something.`,
          {
            details: { id, kind: job?.kind, state: job?.state },
          },
        );
      }
      const ended: DriveJob = { ...job, state: 'cancelled', error: 'It was cancelled.' };
      await repositories.drives.saveJob(ended);
      return ended;
    });
    wakeTasks();
    return cancelled;
  }
}
