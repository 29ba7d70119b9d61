/**
 * setup: makes the first administrator; set-up: says that this was done; challenge: a right password that waits for the second factor; invite: makes an
 * account; reset: sets a password; email: shows that somebody has an address.
 */
export type OneTimeKind = 'setup' | 'set-up' | 'challenge' | 'invite' | 'reset' | 'email';

/** Something that lets somebody in once; the secret itself is never kept. */
export interface OneTimeToken {
  /** Decimal and random. */
  readonly id: string;
  readonly kind: OneTimeKind;
  /** SHA-256 of the secret, lower-case hex. */
  readonly hash: string;
  readonly userId: string | undefined;
  /** Plain JSON; what it is depends on the kind. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly usedAt: number | undefined;
  /** How often something wrong was shown with it. */
  readonly tries: number;
}
