import type { Uid } from '../../model/uid.ts';

/** Remembers the answer to a creating request under the client's own key. */
export interface IdempotencyRecord {
  readonly owner: string;
  readonly key: string;
  /** Digest of what was asked; the same key with another request is a Conflict. */
  readonly fingerprint: string;
  readonly uid: Uid;
  readonly createdAt: number;
}

export interface IdempotencyQueries {
  find(owner: string, key: string): Promise<IdempotencyRecord | undefined>;
}

export interface IdempotencyCommands {
  /** Rejects with AlreadyExists when owner and key are taken. */
  insert(record: IdempotencyRecord): Promise<void>;
  removeOld(cutoff: number, limit: number): Promise<number>;
}
