import type { AuditLog } from './audit/audit-log.ts';
import { OsproxyError } from './errors.ts';
import type { Caller, NewAuditEntry } from './model/audit.ts';
import type { TaskAttempt, TaskPriority, TaskRecord, TaskState } from './model/task.ts';
import type { Clock } from './ports/clock.ts';
import type { Cron } from './ports/cron.ts';
import type { TaskFilter } from './ports/metadata/tasks.ts';
import type { Metadata, MetadataReader } from './ports/metadata.ts';
import { isRecurring, recurrenceOf } from './tasks/recurrence.ts';
import type { TaskSignals } from './tasks/task-signals.ts';
import type { TaskType } from './tasks/task-type.ts';

/** A history may have millions; administrators and metrics need no exact number of them. */
const MOST_COUNTED = 10_000;
const BY_HAND = 'Cancelled by an administrator.';

export interface TaskReport {
  readonly task: TaskRecord;
  /** Oldest first. */
  readonly attempts: readonly TaskAttempt[];
}

/** Whether tasks of a type start, and whether some have to wait. */
export interface TaskTypeStanding {
  readonly type: string;
  readonly pausedAt: number | undefined;
  /** When the pending task that is due for longest fell due; undefined when none is. */
  readonly waitingSince: number | undefined;
}

/** A type of background work as it is in the whole cluster. */
export interface TaskTypeView extends TaskTypeStanding {
  /** False for one that this node does not know, such as one that was removed from the configuration. */
  readonly isKnown: boolean;
  readonly priority: TaskPriority;
  /** When its recurring task runs, as text. */
  readonly schedule: string | undefined;
  /** Most at once on each process and in the cluster; undefined: any number. */
  readonly processLimit: number | undefined;
  readonly clusterLimit: number | undefined;
  /** Up to ten thousand each. */
  readonly counts: Readonly<Record<TaskState, number>>;
}

/** Background work as administrators see it. */
export class TaskBoard {
  readonly #metadata: Metadata;
  readonly #clock: Clock;
  readonly #audit: AuditLog;
  readonly #types: ReadonlyMap<string, TaskType>;
  readonly #wakeTasks: () => void;
  readonly #signals: TaskSignals | undefined;
  readonly #cron: Cron | undefined;

  constructor(options: {
    metadata: Metadata;
    clock: Clock;
    audit: AuditLog;
    /** Those that this node knows. */
    types: readonly TaskType[];
    wakeTasks: () => void;
    signals?: TaskSignals;
    cron?: Cron;
  }) {
    this.#metadata = options.metadata;
    this.#clock = options.clock;
    this.#audit = options.audit;
    this.#types = new Map(options.types.map((type) => [type.type, type]));
    this.#wakeTasks = options.wakeTasks;
    this.#signals = options.signals;
    this.#cron = options.cron;
  }

  /** Newest first. */
  list(filter: TaskFilter, limit: number): Promise<readonly TaskRecord[]> {
    return this.#metadata.tasks.list(filter, limit);
  }

  /** Throws NotFound. */
  async report(id: string): Promise<TaskReport> {
    const task = await this.#must(id);
    return { task, attempts: await this.#metadata.tasks.attempts(id) };
  }

  /** Runs a task that has failed, was cancelled or waits, now and with all its attempts. Throws NotFound, and Conflict for one that runs or is done. */
  async retry(id: string, caller: Caller): Promise<TaskRecord> {
    const task = await this.#must(id);
    const now = this.#clock.now();
    const again = await this.#metadata.transaction(async (repositories) => {
      if (!(await repositories.tasks.retry(id, now))) return false;
      await this.#audit.note(repositories, caller, entry('task.retried', task));
      return true;
    });
    if (!again) {
      const state = task.state === 'done' ? 'done' : 'running';
      throw new OsproxyError('Conflict', `Task ${id} is ${state}; there is nothing to try again.`, {
        details: { id },
      });
    }
    this.#due();
    return (await this.#metadata.tasks.find(id)) ?? task;
  }

  /**
   * Ends a waiting task at once, and a running one as soon as its node has heard of it: its handler is told to stop, and after ten seconds
   * the task is cancelled without it. Of recurring work only the run that is under way ends. Throws NotFound, and Conflict where there is
   * nothing to cancel.
   */
  async cancel(id: string, caller: Caller, reason = BY_HAND): Promise<TaskRecord> {
    const task = await this.#must(id);
    const refusal = this.#whyNotCancelled(task);
    if (refusal !== undefined)
      throw new OsproxyError('Conflict', `Task ${id} cannot be cancelled: ${refusal}`, { details: { id } });
    const recurring = this.#isRecurring(task.type);
    const end = await this.#metadata.transaction(async (repositories) => {
      const { tasks } = repositories;
      // One that is recurring may have ended its run meanwhile, and waits for the next.
      if (recurring && (await tasks.find(id))?.state !== 'running') return undefined;
      const outcome = await tasks.cancel(id, reason, this.#clock.now());
      if (outcome !== undefined)
        await this.#audit.note(repositories, caller, entry('task.cancelled', task, reason));
      return outcome;
    });
    if (end === 'cancelling') this.#signals?.tellCancel(id);
    const after = (await this.#metadata.tasks.find(id)) ?? task;
    if (end !== undefined) return after;
    throw new OsproxyError('Conflict', `Task ${id} is ${after.state}; there is nothing to cancel.`, {
      details: { id },
    });
  }

  #whyNotCancelled(task: TaskRecord): string | undefined {
    const type = this.#types.get(task.type);
    if (type?.cancelledBy !== undefined) return type.cancelledBy;
    if (!this.#isRecurring(task.type) || task.state === 'running') return undefined;
    return `it waits for its next run and has none under way; pause the type "${task.type}" to keep it from running.`;
  }

  #isRecurring(name: string): boolean {
    const type = this.#types.get(name);
    return type !== undefined && isRecurring(type);
  }

  /** By name. */
  async types(): Promise<readonly TaskTypeView[]> {
    const counts = await this.#metadata.tasks.counts(MOST_COUNTED);
    const standing = await this.#standing(
      this.#metadata,
      counts.map(({ type }) => type),
    );
    return standing.map((one) => {
      const type = this.#types.get(one.type);
      const count = (state: TaskState) =>
        counts.find((each) => each.type === one.type && each.state === state)?.count ?? 0;
      const [pending, running, done] = [count('pending'), count('running'), count('done')];
      return {
        ...one,
        isKnown: type !== undefined,
        priority: type?.priority ?? 'normal',
        schedule: type === undefined ? undefined : recurrenceOf(type, this.#cron)?.text,
        processLimit: type?.concurrency?.process,
        clusterLimit: type?.concurrency?.cluster,
        counts: { pending, running, done, failed: count('failed'), cancelled: count('cancelled') },
      };
    });
  }

  /** The types that this node knows and those that are paused, by name; cheap enough to be asked every few seconds, and as old as an answer of a replica. */
  standing(): Promise<readonly TaskTypeStanding[]> {
    return this.#standing(this.#metadata.relaxed, []);
  }

  async #standing(
    { tasks }: MetadataReader,
    others: readonly string[],
  ): Promise<readonly TaskTypeStanding[]> {
    const paused = new Map((await tasks.types()).map(({ type, pausedAt }) => [type, pausedAt]));
    const names = new Set([...this.#types.keys(), ...others]);
    for (const [type, pausedAt] of paused) if (pausedAt !== undefined) names.add(type);
    const now = this.#clock.now();
    const heads = await tasks.heads([...names], true);
    const waiting = heads.filter(({ state, dueAt }) => state === 'pending' && dueAt <= now);
    return [...names].sort().map((type) => {
      const times = waiting.filter((head) => head.type === type).map(({ dueAt }) => dueAt);
      const waitingSince = times.length === 0 ? undefined : Math.min(...times);
      return { type, pausedAt: paused.get(type), waitingSince };
    });
  }

  /** Lets no task of the type start on any node; those that run go on to their end. Throws NotFound. */
  pause(type: string, caller: Caller): Promise<TaskTypeView> {
    return this.#setPaused(type, true, caller);
  }

  /** Throws NotFound. */
  resume(type: string, caller: Caller): Promise<TaskTypeView> {
    return this.#setPaused(type, false, caller);
  }

  async #setPaused(name: string, paused: boolean, caller: Caller): Promise<TaskTypeView> {
    const find = async () => (await this.types()).find(({ type }) => type === name);
    if ((await find()) === undefined) throw noType(name);
    const now = this.#clock.now();
    const action = paused ? 'task-type.paused' : 'task-type.resumed';
    await this.#metadata.transaction(async (repositories) => {
      await repositories.tasks.setPaused(name, paused, now);
      await this.#audit.note(repositories, caller, { action, subject: { kind: 'task-type', id: name } });
    });
    if (!paused) this.#due();
    const view = await find();
    if (view === undefined) throw noType(name);
    return view;
  }

  #due(): void {
    this.#wakeTasks();
    this.#signals?.tellDue();
  }

  async #must(id: string): Promise<TaskRecord> {
    const task = await this.#metadata.tasks.find(id);
    if (task !== undefined) return task;
    throw new OsproxyError('NotFound', `There is no task ${id}.`, { details: { id } });
  }
}

function entry(
  action: 'task.retried' | 'task.cancelled',
  { id, type, key }: TaskRecord,
  reason?: string,
): NewAuditEntry {
  return { action, subject: { kind: 'task', id }, detail: { type, key, reason } };
}

function noType(name: string): OsproxyError {
  return new OsproxyError('NotFound', `There is no type of tasks "${name}".`, { details: { type: name } });
}
