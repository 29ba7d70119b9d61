import type { Id, Num, OptionalId, OptionalNum } from './columns.ts';

export interface UserTable {
  id: Id;
  name: string;
  name_key: string;
  email: string | null;
  email_key: string | null;
  email_verified_at: OptionalNum;
  display_name: string;
  role: string;
  state: string;
  group_id: OptionalId;
  quota_bytes: OptionalNum;
  password: string | null;
  password_at: OptionalNum;
  auth_epoch: Num;
  created_at: Num;
  updated_at: Num;
  last_sign_in_at: OptionalNum;
}

export interface SessionTable {
  id: Id;
  user_id: Id;
  how: string;
  created_at: Num;
  last_seen_at: Num;
  expires_at: Num;
  ended_at: OptionalNum;
  address: string | null;
  agent: string | null;
}

export interface RefreshTokenTable {
  hash: string;
  session_id: Id;
  expires_at: Num;
  used_at: OptionalNum;
  nonce: string | null;
}

export interface OneTimeTokenTable {
  id: Id;
  kind: string;
  hash: string;
  user_id: OptionalId;
  /** JSON. */
  data: string;
  created_at: Num;
  expires_at: Num;
  used_at: OptionalNum;
  tries: Num;
}

interface TotpTable {
  user_id: Id;
  secret: string;
  /** Null while it is being set up. */
  confirmed_at: OptionalNum;
  /** The time step of the last code that was taken. */
  last_step: Num;
  created_at: Num;
}

interface RecoveryCodeTable {
  user_id: Id;
  hash: string;
  used_at: OptionalNum;
}

interface AttemptTable {
  key: string;
  count: Num;
  /** When the window ends in which they are counted. */
  until: Num;
}

/** Of people and how they get in. */
export interface AccountTables {
  users: UserTable;
  sessions: SessionTable;
  refresh_tokens: RefreshTokenTable;
  one_time_tokens: OneTimeTokenTable;
  user_totp: TotpTable;
  recovery_codes: RecoveryCodeTable;
  sign_in_attempts: AttemptTable;
}
