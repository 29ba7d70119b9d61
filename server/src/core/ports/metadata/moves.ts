import type { MoveFailure, MoveRecord } from '../../model/move.ts';

export interface MoveQueries {
  find(id: string): Promise<MoveRecord | undefined>;
  /** Newest first. */
  list(limit: number): Promise<readonly MoveRecord[]>;
  /** Newest blob first. */
  failures(id: string, limit: number): Promise<readonly MoveFailure[]>;
}

export interface MoveCommands {
  /** Transactions that insert moves run one after the other, so that each sees in list() what the one before inserted. */
  insert(move: MoveRecord): Promise<void>;
  /** Locks the row against concurrent writers until the transaction ends. */
  lock(id: string): Promise<MoveRecord | undefined>;
  /** Writes everything that can change: state, run, position and counts. */
  save(move: MoveRecord): Promise<void>;
  /** Adds or replaces the failure of a blob; true when it is new. */
  putFailure(id: string, failure: MoveFailure): Promise<boolean>;
  clearFailures(id: string): Promise<void>;
}
