import type { NewTask, TaskAttempt, TaskRecord, TaskState } from '../../model/task.ts';

export interface TaskQueries {
  find(id: string): Promise<TaskRecord | undefined>;
  /** Newest first. */
  list(filter: { type?: string; state?: TaskState }, limit: number): Promise<readonly TaskRecord[]>;
  /** Oldest first. */
  attempts(taskId: string): Promise<readonly TaskAttempt[]>;
  /** When the next claim can succeed: the earliest runAt or lease end of these types; undefined when nothing waits. */
  nextDue(types: readonly string[]): Promise<number | undefined>;
  /** How many there are of each type and state, each counted up to `most`, so that a long history costs no more than a short one. */
  counts(most: number): Promise<readonly { type: string; state: TaskState; count: number }[]>;
}

export interface TaskCommands {
  /** False, and nothing is added, when a pending or running task of this type and key exists. */
  enqueue(id: string, task: NewTask, now: number): Promise<boolean>;
  /**
   * Leases the due task with the earliest runAt (pending and due, or running with its lease over), raises its fence and attempts,
   * and opens an attempt row; an attempt that a dead node left open is closed as 'lost'.
   */
  claim(
    types: readonly string[],
    node: string,
    now: number,
    leaseMs: number,
  ): Promise<TaskRecord | undefined>;
  /** Extends the lease; false when the fence has moved on or the task is not running any more. */
  heartbeat(id: string, fence: number, leaseUntil: number): Promise<boolean>;
  /** Locks the task row and says whether it is running under this fence; call first in the transaction that writes a task's effect. */
  holds(id: string, fence: number): Promise<boolean>;
  /** Ends the attempt; false, and nothing changes, when the fence has moved on. `retryAt` sets it pending again. */
  finish(id: string, fence: number, end: TaskEnd, now: number): Promise<boolean>;
  /** Sets a failed, cancelled or pending task pending with its attempts at zero, due at `runAt`. */
  retry(id: string, runAt: number): Promise<boolean>;
  /** Removes tasks that ended at or before `cutoff`, with their attempts. */
  removeEnded(cutoff: number, limit: number): Promise<number>;
}

export type TaskEnd =
  | { readonly outcome: 'done' }
  /** Recurring types go back to pending with attempts at zero. */
  | { readonly outcome: 'again'; readonly runAt: number }
  | { readonly outcome: 'retry'; readonly runAt: number; readonly error: string }
  /** The node stops: pending again, and the attempt does not count as one; what it failed with before stays. */
  | { readonly outcome: 'released'; readonly runAt: number }
  /** What it needs is on a node that is away: pending again, the attempt does not count and leaves no row. */
  | { readonly outcome: 'waiting'; readonly runAt: number; readonly error: string }
  | { readonly outcome: 'failed'; readonly error: string };
