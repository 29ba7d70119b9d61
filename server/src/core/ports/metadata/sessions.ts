import type { Origin, RefreshToken, Session, SessionState } from '../../model/session.ts';

export interface SessionQueries {
  find(id: string): Promise<Session | undefined>;
  /** With what is known about its user; undefined where either is gone. */
  state(id: string): Promise<SessionState | undefined>;
  /** Sessions that go on at `now`, newest first. */
  ofUser(userId: string, now: number, limit: number): Promise<readonly Session[]>;
}

export interface SessionCommands {
  insert(session: Session): Promise<void>;
  /** Goes on until `expiresAt`; false when the session has ended. */
  goOn(id: string, at: number, expiresAt: number, from: Origin): Promise<boolean>;
  /** False when the user has no such session that goes on. */
  end(userId: string, id: string, at: number): Promise<boolean>;
  /** Ends all of the user, but for `except`; returns how many went on before. */
  endAll(userId: string, at: number, except?: string): Promise<number>;
  /** Removes all of the user with their tokens. */
  removeOfUser(userId: string): Promise<void>;
  /** Removes sessions and tokens that expired at or before `cutoff`, so many of each at most; returns how many in all. */
  removeOld(cutoff: number, limit: number): Promise<number>;
  insertToken(token: RefreshToken): Promise<void>;
  /** The token, which nobody else changes until the transaction ends. */
  lockToken(hash: string): Promise<RefreshToken | undefined>;
  useToken(hash: string, at: number, nonce: string): Promise<void>;
}
