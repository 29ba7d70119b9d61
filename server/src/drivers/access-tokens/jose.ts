import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { errors, type JWK, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { OsproxyError } from '#core/errors.ts';
import type { AccessClaims, AccessTokens } from '#core/ports/access-tokens.ts';
import type { Clock } from '#core/ports/clock.ts';

const ALGORITHM = 'EdDSA';
const TYPE = 'at+jwt';
const AUDIENCE = 'osproxy';
/** Clocks of nodes differ by so much at most, else their tokens are not valid yet. */
const SKEW_MS = 10_000;
/** Right tokens that are known again; with their texts some megabytes. */
const REMEMBERED = 4096;
/** What stands before the 32 bytes of a private key of Ed25519 in PKCS #8 (RFC 8410). */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
const ID = /^[1-9]\d{0,18}$/;

export interface SigningKey {
  readonly id: string;
  /** 32 secret bytes: the private key of Ed25519. */
  readonly seed: Buffer;
}

interface PublicKey {
  readonly key: KeyObject;
  readonly jwk: JWK;
}

/** Access tokens as JSON Web Tokens (RFC 9068) under Ed25519 keys: the first signs, every one verifies. */
export class JoseAccessTokens implements AccessTokens {
  readonly #clock: Clock;
  readonly #issuer: string;
  readonly #current: { readonly id: string; readonly key: KeyObject };
  readonly #accepted = new Map<string, PublicKey>();
  /** The oldest is forgotten first. */
  readonly #right = new Map<string, AccessClaims>();

  constructor(options: { keys: readonly SigningKey[]; issuer: string; clock: Clock }) {
    const [current] = options.keys;
    if (current === undefined) throw new OsproxyError('InvalidArgument', 'At least one token key is needed.');
    this.#clock = options.clock;
    this.#issuer = options.issuer;
    this.#current = { id: current.id, key: privateKey(current.seed) };
    for (const { id, seed } of options.keys) {
      if (this.#accepted.has(id)) {
        throw new OsproxyError('InvalidArgument', `The token key id "${id}" is used twice.`);
      }
      const key = createPublicKey(privateKey(seed));
      const { kty, crv, x } = key.export({ format: 'jwk' });
      const jwk = { kty, crv, x, kid: id, alg: ALGORITHM, use: 'sig' } as JWK;
      this.#accepted.set(id, { key, jwk });
    }
  }

  sign({ userId, sessionId, epoch, expiresAt }: AccessClaims): Promise<string> {
    const now = this.#clock.now();
    return new SignJWT({ sid: sessionId, epoch })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: this.#current.id })
      .setIssuer(this.#issuer)
      .setAudience(AUDIENCE)
      .setSubject(userId)
      .setIssuedAt(Math.floor(now / 1000))
      .setNotBefore(Math.floor((now - SKEW_MS) / 1000))
      .setExpirationTime(Math.floor(expiresAt / 1000))
      .sign(this.#current.key);
  }

  async verify(token: string): Promise<AccessClaims> {
    const known = this.#right.get(token);
    if (known !== undefined) {
      if (known.expiresAt > this.#clock.now()) return known;
      this.#right.delete(token);
      throw expired();
    }
    const claims = claimsOf(await this.#check(token));
    if (this.#right.size >= REMEMBERED) this.#right.delete(this.#right.keys().next().value ?? '');
    this.#right.set(token, claims);
    return claims;
  }

  publicKeys(): object {
    return { keys: [...this.#accepted.values()].map(({ jwk }) => jwk) };
  }

  async #check(token: string): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(
        token,
        ({ kid }) => {
          const found = kid === undefined ? undefined : this.#accepted.get(kid);
          if (found === undefined) throw wrong();
          return found.key;
        },
        {
          algorithms: [ALGORITHM],
          typ: TYPE,
          issuer: this.#issuer,
          audience: AUDIENCE,
          currentDate: new Date(this.#clock.now()),
          requiredClaims: ['sub', 'sid', 'epoch', 'iat', 'nbf', 'exp'],
        },
      );
      return payload;
    } catch (error) {
      throw error instanceof errors.JWTExpired ? expired() : wrong(error);
    }
  }
}

function privateKey(seed: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: 'der', type: 'pkcs8' });
}

function claimsOf({ sub, sid, epoch, exp }: JWTPayload): AccessClaims {
  const right = typeof sub === 'string' && ID.test(sub) && typeof sid === 'string' && ID.test(sid);
  if (!right || !Number.isSafeInteger(epoch) || exp === undefined) throw wrong();
  return { userId: sub, sessionId: sid, epoch: epoch as number, expiresAt: exp * 1000 };
}

function wrong(cause?: unknown): OsproxyError {
  return new OsproxyError('Unauthenticated', 'This access token is not valid.', { cause });
}

function expired(): OsproxyError {
  return new OsproxyError(
    'Unauthenticated',
    'This access token has expired; get a new one with the refresh token.',
    {
      details: { reason: 'expired' },
    },
  );
}
