import type { OneTimeKind, OneTimeToken } from '../../model/one-time-token.ts';

export interface OneTimeTokenQueries {
  /** Those of a kind that may still be used at `now`, by id. */
  open(kind: OneTimeKind, now: number, limit: number): Promise<readonly OneTimeToken[]>;
}

export interface OneTimeTokenCommands {
  /** Rejects with AlreadyExists when the hash is taken. */
  insert(token: OneTimeToken): Promise<void>;
  /** The token of this kind, which nobody else uses until the transaction ends. */
  lock(kind: OneTimeKind, hash: string): Promise<OneTimeToken | undefined>;
  use(id: string, at: number): Promise<void>;
  countTry(id: string): Promise<void>;
  /** False when there is none of this kind. */
  remove(kind: OneTimeKind, id: string): Promise<boolean>;
  /** Those of a user, of one kind or of all. */
  removeOfUser(userId: string, kind?: OneTimeKind): Promise<void>;
  removeExpired(cutoff: number, limit: number): Promise<number>;
}
