import type { Static, TSchema } from 'typebox';
import type { NewEvent } from '../model/event.ts';
import type { TaskPriority, TaskProgress, TaskRecord } from '../model/task.ts';
import type { Logger } from '../ports/logger.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import type { Trigger } from './trigger.ts';

export interface TaskContext {
  readonly task: TaskRecord;
  /**
   * Fires when the lease was lost, the task was cancelled or the process is stopping; a handler ends soon after. Its reason is an OsproxyError:
   * Cancelled where somebody asked for the end.
   */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /**
   * The only way to write a task's effect: a transaction that first makes sure this attempt still holds the task. Throws Conflict, and
   * nothing is written, when another node has taken it over or it was cancelled.
   */
  commit<T>(work: (repositories: MetadataWriter) => Promise<T>): Promise<T>;
  /** Says how far it has come. Costs nothing however often it is called: the last word is written with the next extension of the lease. */
  progress(progress: TaskProgress): void;
}

/** Times at which recurring work runs, by a cron expression of five or six fields. */
interface CronSchedule {
  readonly cron: string;
  /** A name of the IANA database; default: that of the configuration. */
  readonly timeZone?: string | undefined;
}

/** A kind of background work: one file with a schema, an optional pre-check and a handler; registered in tasks/index.ts. */
export interface TaskType<S extends TSchema = TSchema> {
  readonly type: string;
  readonly schema: S;
  /** Of its tasks, unless one says otherwise; default: normal. */
  readonly priority?: TaskPriority;
  /** Most of its tasks that run at once; default: as many as there is room for. The configuration may say otherwise. */
  readonly concurrency?: {
    /** On each process. */
    readonly process?: number | undefined;
    /** In the whole cluster. */
    readonly cluster?: number | undefined;
  };
  /** Milliseconds between runs of a task that exists once and never ends; the first one at once. */
  readonly everyMs?: number;
  /** When a task that exists once and never ends is run; instead of `everyMs`. The configuration may say otherwise. */
  readonly schedule?: CronSchedule;
  /** True for a recurring task that belongs to this node; all others are run by the node that leads the schedules. */
  readonly ofNode?: boolean;
  /** Events that leave a task of this type, in the transaction of the event itself. */
  readonly on?: readonly Trigger[];
  /** Attempts of tasks that an event leaves; default: those of the configuration. */
  readonly attempts?: number;
  /** What cancels its tasks instead, as a sentence, where cancelling the task alone would leave something half done. */
  readonly cancelledBy?: string;
  /** False ends the task as done without running the handler: there is nothing left to do. */
  precheck?(payload: Static<S>, context: TaskContext): Promise<boolean>;
  /** Must be repeatable: an attempt may be cut off anywhere and run again elsewhere. Resolves 'again' to be run without waiting. */
  handle(payload: Static<S>, context: TaskContext): Promise<'done' | 'again'>;
  /** What is told, beside `task.failed`, when the last attempt has failed. */
  failed?(payload: Static<S>, reason: string): NewEvent;
}
