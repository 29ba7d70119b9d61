/** What an access token says; whether its session goes on is for the session's state to say. */
export interface AccessClaims {
  readonly userId: string;
  readonly sessionId: string;
  /** Of the user, when the token was made. */
  readonly epoch: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Signed tokens that say who somebody is, for minutes. */
export interface AccessTokens {
  /** Signed with the newest key. */
  sign(claims: AccessClaims): Promise<string>;
  /**
   * Rejects with Unauthenticated for what no accepted key signed, by another algorithm than that of the keys, for another audience, or not in time;
   * `details.reason` is "expired" where nothing else is wrong.
   */
  verify(token: string): Promise<AccessClaims>;
  /** The public halves as a JSON Web Key Set, the newest first. */
  publicKeys(): object;
}
