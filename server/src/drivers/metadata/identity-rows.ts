import type { Id, Num, OptionalId, OptionalNum } from './columns.ts';

export interface IdentityTable {
  id: Id;
  user_id: Id;
  provider: string;
  /** SHA-256 of issuer and subject, which are too long for one index. */
  subject_key: string;
  issuer: string;
  subject: string;
  email: string | null;
  name: string | null;
  linked_at: Num;
  last_used_at: OptionalNum;
}

export interface PendingSignInTable {
  hash: string;
  provider: string;
  browser: string;
  verifier: string;
  nonce: string;
  redirect_uri: string;
  return_to: string;
  challenge: string | null;
  user_id: OptionalId;
  session_id: OptionalId;
  expires_at: Num;
}

export interface SignInCodeTable {
  hash: string;
  user_id: Id;
  provider: string;
  challenge: string;
  expires_at: Num;
}

/** Of people who sign in with others. */
export interface IdentityTables {
  identities: IdentityTable;
  pending_sign_ins: PendingSignInTable;
  sign_in_codes: SignInCodeTable;
}
