import type { Identity, PendingSignIn, SignInCode } from '../../model/identity.ts';

export interface IdentityQueries {
  find(provider: string, issuer: string, subject: string): Promise<Identity | undefined>;
  /** By id, ascending, at most 100. */
  ofUser(userId: string): Promise<readonly Identity[]>;
  pendingSignIn(hash: string): Promise<PendingSignIn | undefined>;
}

export interface IdentityCommands {
  /** Rejects with AlreadyExists when the subject is somebody's already. */
  insert(identity: Identity): Promise<void>;
  /** Notes a sign-in, and what the provider says now. False when it is no longer linked. */
  used(id: string, at: number, said: Pick<Identity, 'email' | 'name'>): Promise<boolean>;
  /** False when the user has no such identity. */
  remove(userId: string, id: string): Promise<boolean>;
  removeOfUser(userId: string): Promise<void>;
  insertPending(pending: PendingSignIn): Promise<void>;
  /** True for the first who asks, and false for all others. */
  takePending(hash: string): Promise<boolean>;
  insertCode(code: SignInCode): Promise<void>;
  /** The code for the first who asks, and undefined for all others. */
  takeCode(hash: string): Promise<SignInCode | undefined>;
  /** Removes sign-ins and codes whose time ended by `cutoff`, so many of each at most; resolves how many in all. */
  removeExpired(cutoff: number, limit: number): Promise<number>;
}
