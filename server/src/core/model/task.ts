/** pending: waits for runAt. running: leased. done, failed and cancelled are final. */
export type TaskState = 'pending' | 'running' | 'done' | 'failed' | 'cancelled';

export interface NewTask {
  readonly type: string;
  /** At most one pending or running task per type and key; enqueuing a second is a no-op. */
  readonly key: string;
  readonly payload: unknown;
  /** Milliseconds since the epoch; default: now. */
  readonly runAt?: number;
  /** Attempts before it is failed for good. */
  readonly maxAttempts: number;
}

/** Durable, retryable background work. */
export interface TaskRecord {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly payload: unknown;
  readonly state: TaskState;
  readonly runAt: number;
  readonly attempts: number;
  readonly maxAttempts: number;
  /** Grows with each claim; work done under an older fence is refused. */
  readonly fence: number;
  readonly node: string | undefined;
  readonly leaseUntil: number | undefined;
  readonly lastError: string | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** One row per attempt, kept as a log. */
export interface TaskAttempt {
  readonly taskId: string;
  readonly fence: number;
  readonly node: string;
  readonly startedAt: number;
  readonly finishedAt: number | undefined;
  readonly outcome: 'running' | 'done' | 'retry' | 'released' | 'failed' | 'lost';
  readonly error: string | undefined;
}
