import type { Uid } from './uid.ts';

/** What keeps a file from being read until a task of this type has said yes. A file may have several. */
export interface HoldRecord {
  readonly uid: Uid;
  /** Type of the task that decides. */
  readonly type: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Why the task left the decision to people; undefined while it has not. */
  readonly reason: string | undefined;
}
