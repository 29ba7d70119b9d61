/** pending: waits for runAt. running: leased. done, failed and cancelled are final. */
export type TaskState = 'pending' | 'running' | 'done' | 'failed' | 'cancelled';

export const TASK_STATES: readonly TaskState[] = ['pending', 'running', 'done', 'failed', 'cancelled'];

/** Of the tasks that are due, one of a higher priority goes first; each level counts as much as a minute of waiting. */
export type TaskPriority = 'low' | 'normal' | 'high';

/** In ascending order. */
export const TASK_PRIORITIES: readonly TaskPriority[] = ['low', 'normal', 'high'];

/** A task is taken as if it had fallen due so much earlier for each level of priority, so that a low one that waits long enough overtakes. */
export const PRIORITY_STEP_MS = 60_000;

/** Attempts of one task that are kept; of a recurring one the last. */
export const KEPT_ATTEMPTS = 100;

export interface NewTask {
  readonly type: string;
  /** At most one pending or running task per type and key; enqueuing a second is a no-op. */
  readonly key: string;
  readonly payload: unknown;
  /** Milliseconds since the epoch; default: now. */
  readonly runAt?: number;
  /** Attempts before it is failed for good. */
  readonly maxAttempts: number;
  /** Default: that of its type, and `normal` where it has none. */
  readonly priority?: TaskPriority;
}

/** A task that was added to the database just now. */
export type AddedTask = NewTask & { readonly id: string };

/** How far a running task has come, as its handler told last. */
export interface TaskProgress {
  readonly done: number;
  /** undefined while nobody knows. */
  readonly total?: number | undefined;
  /** What is counted, in plural, such as `bytes` or `files`. */
  readonly unit: string;
}

/** Durable, retryable background work. */
export interface TaskRecord {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly payload: unknown;
  readonly state: TaskState;
  readonly priority: TaskPriority;
  readonly runAt: number;
  readonly attempts: number;
  readonly maxAttempts: number;
  /** Grows with each claim; work done under an older fence is refused. */
  readonly fence: number;
  readonly node: string | undefined;
  readonly leaseUntil: number | undefined;
  readonly lastError: string | undefined;
  readonly progress: TaskProgress | undefined;
  /** When somebody asked for its end, while it runs. */
  readonly cancelAt: number | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly endedAt: number | undefined;
}

/** One row per attempt, kept as a log. */
export interface TaskAttempt {
  readonly taskId: string;
  readonly fence: number;
  readonly node: string;
  readonly startedAt: number;
  readonly finishedAt: number | undefined;
  readonly outcome: 'running' | 'done' | 'retry' | 'released' | 'failed' | 'lost' | 'cancelled';
  readonly error: string | undefined;
}

/** What the whole cluster knows of a type of tasks. */
export interface TaskTypeRecord {
  readonly type: string;
  /** Since when no task of the type starts; undefined when they do. */
  readonly pausedAt: number | undefined;
  /** The schedule that its recurring task was given, as text; undefined for a type without one. */
  readonly schedule: string | undefined;
}
