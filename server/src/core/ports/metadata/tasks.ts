import type {
  NewTask,
  TaskAttempt,
  TaskPriority,
  TaskProgress,
  TaskRecord,
  TaskState,
  TaskTypeRecord,
} from '../../model/task.ts';

/** Where a claim may find a task: the pending ones of one type and priority, or the running ones of a type whose lease is over. */
export interface TaskHead {
  readonly type: string;
  readonly state: 'pending' | 'running';
  readonly priority: TaskPriority;
  /** When the first of them can be claimed: its runAt or the end of its lease. */
  readonly dueAt: number;
  /** runAt of the first of them. */
  readonly runAt: number;
}

/** What a claim of a type keeps to. */
export interface ClaimRule {
  /** Most tasks of the type that run at once in the whole cluster; undefined: any number. */
  readonly limit?: number | undefined;
  /** True where the task of the type never ends: a request to cancel it concerned the attempt that was lost. */
  readonly recurring?: boolean;
}

export interface Claimer {
  readonly node: string;
  readonly now: number;
  readonly leaseMs: number;
  readonly ruleOf?: (type: string) => ClaimRule;
}

export interface TaskFilter {
  readonly type?: string | undefined;
  readonly state?: TaskState | undefined;
  /** Only those that come after this one in the list. */
  readonly after?: { readonly createdAt: number; readonly id: string } | undefined;
}

export interface TaskQueries {
  find(id: string): Promise<TaskRecord | undefined>;
  /** Newest first. */
  list(filter: TaskFilter, limit: number): Promise<readonly TaskRecord[]>;
  /** Oldest first; the last KEPT_ATTEMPTS. */
  attempts(taskId: string): Promise<readonly TaskAttempt[]>;
  /** Where tasks of these types can be claimed now or later, in no order; paused types are left out unless they are asked for. Reads no more however many wait. */
  heads(types: readonly string[], evenPaused?: boolean): Promise<readonly TaskHead[]>;
  /** How many there are of each type and state, each counted up to `most`, so that a long history costs no more than a short one. */
  counts(most: number): Promise<readonly { type: string; state: TaskState; count: number }[]>;
  /** Types that were paused or scheduled at some time, by name. */
  types(): Promise<readonly TaskTypeRecord[]>;
}

export interface TaskCommands {
  /** False, and nothing is added, when a pending or running task of this type and key exists. */
  enqueue(id: string, task: NewTask, now: number): Promise<boolean>;
  /**
   * Leases the first due task of the first head that has one and whose type is neither paused nor at its limit, raises its fence and
   * attempts, and opens an attempt row; an attempt that a dead node left open is closed as 'lost'. A task whose end was asked for before its
   * node went silent is cancelled instead. Once a pause was committed no claim succeeds. undefined may also mean that others are claiming.
   */
  claim(heads: readonly TaskHead[], claimer: Claimer): Promise<TaskRecord | undefined>;
  /** As claim, but this task or none. */
  claimThis(id: string, claimer: Claimer): Promise<TaskRecord | undefined>;
  /** Extends the lease and notes the progress; 'lost' when the fence has moved on or the task is not running any more. */
  heartbeat(
    id: string,
    fence: number,
    leaseUntil: number,
    progress?: TaskProgress,
  ): Promise<'held' | 'cancelling' | 'lost'>;
  /** Locks the task row and says whether it is running under this fence; call first in the transaction that writes a task's effect. */
  holds(id: string, fence: number): Promise<boolean>;
  /**
   * Ends the attempt; false, and nothing changes, when the fence has moved on. A task whose end was asked for is cancelled unless it is done or
   * has failed for good.
   */
  finish(id: string, fence: number, end: TaskEnd, now: number): Promise<boolean>;
  /** Sets a failed, cancelled or pending task pending with its attempts at zero, due at `runAt`. */
  retry(id: string, runAt: number): Promise<boolean>;
  /** Ends a pending task as cancelled, and asks whoever runs a running one to end it; undefined, and nothing changes, in any other state. */
  cancel(id: string, reason: string, now: number): Promise<'cancelled' | 'cancelling' | undefined>;
  /** From the commit on no task of the type starts, or they start again; false when it was so already. */
  setPaused(type: string, paused: boolean, now: number): Promise<boolean>;
  /**
   * Adds the recurring task of a type, due at `runAt`, or gives the one that waits this time when its schedule is not the one that it had;
   * true when something changed.
   */
  schedule(id: string, task: NewTask, schedule: string, now: number): Promise<boolean>;
  /** Removes tasks that ended at or before `cutoff`, with their attempts. */
  removeEnded(cutoff: number, limit: number): Promise<number>;
}

interface Recurring {
  /** When a recurring task runs next if its end was asked for; one that is not recurring is over then. */
  readonly recursAt?: number | undefined;
  readonly progress?: TaskProgress | undefined;
}

export type TaskEnd = Recurring &
  (
    | { readonly outcome: 'done' }
    /** Recurring types go back to pending with attempts at zero. */
    | { readonly outcome: 'again'; readonly runAt: number }
    | { readonly outcome: 'retry'; readonly runAt: number; readonly error: string }
    /** The node stops: pending again, and the attempt does not count as one; what it failed with before stays. */
    | { readonly outcome: 'released'; readonly runAt: number }
    /** What it needs is on a node that is away: pending again, the attempt does not count and leaves no row. */
    | { readonly outcome: 'waiting'; readonly runAt: number; readonly error: string }
    | { readonly outcome: 'failed'; readonly error: string }
    | { readonly outcome: 'cancelled'; readonly error: string }
  );
