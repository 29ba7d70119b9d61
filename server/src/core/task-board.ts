import { OsproxyError } from './errors.ts';
import type { TaskRecord, TaskState } from './model/task.ts';
import type { Clock } from './ports/clock.ts';
import type { Metadata } from './ports/metadata.ts';

/** Background work as administrators see it. */
export class TaskBoard {
  readonly #metadata: Metadata;
  readonly #clock: Clock;
  readonly #wakeTasks: () => void;

  constructor(options: { metadata: Metadata; clock: Clock; wakeTasks: () => void }) {
    this.#metadata = options.metadata;
    this.#clock = options.clock;
    this.#wakeTasks = options.wakeTasks;
  }

  /** Newest first. */
  list(
    filter: { readonly type?: string; readonly state?: TaskState },
    limit: number,
  ): Promise<readonly TaskRecord[]> {
    return this.#metadata.tasks.list(filter, limit);
  }

  /** Runs a task that has failed, was cancelled or waits, now and with all its attempts. Throws NotFound, and Conflict for one that runs or is done. */
  async retry(id: string): Promise<TaskRecord> {
    const task = await this.#metadata.tasks.find(id);
    if (task === undefined)
      throw new OsproxyError('NotFound', `There is no task ${id}.`, { details: { id } });
    const now = this.#clock.now();
    const again = await this.#metadata.transaction((repositories) => repositories.tasks.retry(id, now));
    if (!again) {
      const state = task.state === 'done' ? 'done' : 'running';
      throw new OsproxyError('Conflict', `Task ${id} is ${state}; there is nothing to try again.`, {
        details: { id },
      });
    }
    this.#wakeTasks();
    return (await this.#metadata.tasks.find(id)) ?? task;
  }
}
