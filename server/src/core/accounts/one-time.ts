import { randomBytes } from 'node:crypto';
import { OsproxyError } from '../errors.ts';
import type { OneTimeKind, OneTimeToken } from '../model/one-time-token.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import { hashOf, newSecret } from './secrets.ts';

const FORM = /^[A-Za-z0-9_-]{43}$/;

interface NewOneTime {
  readonly kind: OneTimeKind;
  readonly userId?: string | undefined;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly now: number;
  readonly expiresAt: number;
}

/** A token to be inserted, and its secret, which is not kept. */
export function newOneTime({ kind, userId, data = {}, now, expiresAt }: NewOneTime): {
  readonly token: OneTimeToken;
  readonly secret: string;
} {
  const secret = newSecret();
  const id = String((randomBytes(8).readBigUInt64BE() >> 2n) + 1n);
  const token = { id, kind, hash: hashOf(secret), userId, data, createdAt: now, expiresAt };
  return { secret, token: { ...token, usedAt: undefined, tries: 0 } };
}

/** Within a transaction: the token, locked, as long as it may be used. Throws Expired for one that was used, is over or never was. */
export async function openOneTime(
  { oneTimeTokens }: MetadataWriter,
  kind: OneTimeKind,
  secret: string,
  now: number,
): Promise<OneTimeToken> {
  const token = FORM.test(secret) ? await oneTimeTokens.lock(kind, hashOf(secret)) : undefined;
  if (token === undefined || token.usedAt !== undefined || token.expiresAt <= now) {
    throw new OsproxyError(
      'Expired',
      'This link or code is not valid: it was used, is over, or never was. Ask for a new one.',
    );
  }
  return token;
}
