/** Somebody of another service who is a user here. */
export interface Identity {
  /** Decimal, as IdSource makes it. */
  readonly id: string;
  readonly userId: string;
  /** Name of the provider in the configuration. */
  readonly provider: string;
  readonly issuer: string;
  /** Who it is there; one issuer's subject is at most one user's. */
  readonly subject: string;
  /** What the provider said last; nothing is decided by it. */
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly linkedAt: number;
  /** Of the last sign-in. */
  readonly lastUsedAt: number | undefined;
}

/** A sign-in with a provider that has begun and not come back. */
export interface PendingSignIn {
  /** SHA-256 of the state, lower-case hex; the state itself is never kept. */
  readonly hash: string;
  readonly provider: string;
  /** SHA-256 of what the browser that began it keeps in a cookie, lower-case hex. */
  readonly browser: string;
  readonly verifier: string;
  readonly nonce: string;
  readonly redirectUri: string;
  /** A path of this service, or the loopback address of a program. */
  readonly returnTo: string;
  /** S256 challenge of a program that will exchange a code; undefined for a browser. */
  readonly challenge: string | undefined;
  /** Who links the identity, from which session; undefined for a sign-in. */
  readonly linking: { readonly userId: string; readonly sessionId: string } | undefined;
  readonly expiresAt: number;
}

/** What a program exchanges for a session, once. */
export interface SignInCode {
  /** SHA-256 of the code, lower-case hex. */
  readonly hash: string;
  readonly userId: string;
  /** Name of the provider that vouched for the user. */
  readonly provider: string;
  readonly challenge: string;
  readonly expiresAt: number;
}
