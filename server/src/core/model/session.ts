import type { Role, UserState } from './user.ts';

/** Where a request came from, as its front end sees it. */
export interface Origin {
  readonly address: string | undefined;
  /** What the client calls itself. */
  readonly agent: string | undefined;
  /** Of the request, for the audit log. */
  readonly requestId?: string | undefined;
}

/** One signed-in client: the family that its refresh tokens belong to. */
export interface Session {
  /** Decimal, as IdSource makes it. */
  readonly id: string;
  readonly userId: string;
  /** How it began, such as "password" or "password+totp": at most 64 characters. */
  readonly how: string;
  readonly createdAt: number;
  /** Of the last refresh. */
  readonly lastSeenAt: number;
  /** When it ends unless it is refreshed before. */
  readonly expiresAt: number;
  readonly endedAt: number | undefined;
  readonly address: string | undefined;
  readonly agent: string | undefined;
}

/** What decides whether an access token still counts. */
export interface SessionState {
  readonly userId: string;
  readonly expiresAt: number;
  readonly endedAt: number | undefined;
  readonly role: Role;
  readonly state: UserState;
  readonly authEpoch: number;
}

/** A refresh token as stored; the token itself is never kept. */
export interface RefreshToken {
  /** SHA-256 of the token, lower-case hex. */
  readonly hash: string;
  readonly sessionId: string;
  readonly expiresAt: number;
  readonly usedAt: number | undefined;
  /** With the token itself it makes the one that follows; set when it is used. */
  readonly nonce: string | undefined;
}
