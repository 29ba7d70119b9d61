import type { LinkRecord } from '../../model/link.ts';
import type { Uid } from '../../model/uid.ts';

export interface LinkQueries {
  find(id: string): Promise<LinkRecord | undefined>;
  /** Links of a uid that are not revoked and not expired at `now`, newest first. */
  list(uid: Uid, now: number, limit: number): Promise<readonly LinkRecord[]>;
}

export interface LinkCommands {
  insert(link: LinkRecord): Promise<void>;
  /** False when there is no such link of this uid; revoking twice is fine. */
  revoke(uid: Uid, id: string, at: number): Promise<boolean>;
  /** Revokes every link of this uid; returns how many were not revoked before. */
  revokeAll(uid: Uid, at: number): Promise<number>;
  /** Counts one use; false when the link is revoked, expired at `now` or used up. */
  use(id: string, now: number): Promise<boolean>;
  /** Removes links that expired at or before `cutoff`. */
  removeExpired(cutoff: number, limit: number): Promise<number>;
}
