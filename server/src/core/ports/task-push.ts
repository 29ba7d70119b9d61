import type { TaskPriority } from '../model/task.ts';

/** What is told of a task, which stands in the database with all the rest. */
export interface DueTask {
  readonly id: string;
  readonly type: string;
  readonly priority: TaskPriority;
  /** Milliseconds since the epoch. */
  readonly runAt: number;
}

/** Whoever runs tasks. */
export interface TaskTaker {
  /** Types that it runs, and how many of each at most. */
  readonly types: readonly { readonly type: string; readonly most: number }[];
  hasRoom(type: string): boolean;
  /** Runs the task when it may; resolves when the attempt has ended or was none. Never rejects. */
  take(id: string, type: string): Promise<void>;
  /** The way has come or gone. */
  changed(): void;
}

/**
 * A quick way to the processes that run tasks. What it carries are hints: one that is lost, late or doubled costs at most time, since every
 * taker looks into the database as well, and only a claim there makes a task anybody's.
 */
export interface TaskPush {
  /** True while hints reach this process; it looks into the database less eagerly then. */
  readonly reaches: boolean;
  /** Gives out hints, later ones when their tasks are due. False, and nothing is told, while that is not possible. */
  announce(tasks: readonly DueTask[], now: number): boolean;
  /** From now on hints are given to the taker. */
  start(taker: TaskTaker): void;
  /** There may be room for what waits in this process. */
  roomAgain(): void;
  /** Gives no more hints to the taker; those that it runs go on. */
  pause(): Promise<void>;
  /** Sends what was announced, within bounded time. */
  close(): Promise<void>;
}
