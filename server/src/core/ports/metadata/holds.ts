import type { HoldRecord } from '../../model/hold.ts';
import type { Uid } from '../../model/uid.ts';

export interface HoldQueries {
  /** By type. */
  of(uid: Uid): Promise<readonly HoldRecord[]>;
  /** In ascending order of uid and type; `after` exclusive. At most 1000. */
  list(after: Pick<HoldRecord, 'uid' | 'type'> | undefined, limit: number): Promise<readonly HoldRecord[]>;
  /** How many files each type holds, of the first `most` holds. */
  counts(most: number): Promise<readonly { readonly type: string; readonly count: number }[]>;
}

export interface HoldCommands {
  /** Rejects with AlreadyExists when the file has one of this type. */
  insert(hold: HoldRecord): Promise<void>;
  /** Locks every hold of the file until the transaction ends: whoever takes one away knows whether it was the last. By type. */
  lock(uid: Uid): Promise<readonly HoldRecord[]>;
  /** Takes away the one of this type, or all. */
  remove(uid: Uid, type?: string): Promise<void>;
  explain(uid: Uid, type: string, reason: string): Promise<void>;
}
