import { createHash, timingSafeEqual } from 'node:crypto';
import type { AuditLog } from '../../audit/audit-log.ts';
import { OsproxyError, toOsproxyError } from '../../errors.ts';
import type { Caller } from '../../model/audit.ts';
import type { PendingSignIn } from '../../model/identity.ts';
import type { Origin } from '../../model/session.ts';
import type { User } from '../../model/user.ts';
import type { Clock } from '../../ports/clock.ts';
import type { IdentityProvider } from '../../ports/identity-provider.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Metadata } from '../../ports/metadata.ts';
import type { RateCounter } from '../../ports/rate-counter.ts';
import { networkOf, rateLimited } from '../../rate-limits.ts';
import { type Confirmation, holdConfirmed, type Shown } from '../confirmation.ts';
import { hashOf, newSecret } from '../secrets.ts';
import type { SignedIn } from '../sessions.ts';
import type { SignInAnswer } from '../sign-in.ts';
import type { Identities } from './identities.ts';
import { loopbackAddress, ownPath, withFragment, withParameters } from './return-to.ts';

const PENDING_MS = 600_000;
const CODE_MS = 60_000;
/** Of one address; each leaves a row until its time is over. */
const BEGINNINGS = { limit: 60, windowMs: 60_000 };
const SECRET = /^[A-Za-z0-9_-]{43}$/;

export interface Beginning {
  /** Where the provider sends the browser back to. */
  readonly redirectUri: string;
  /** A path of this service; with `challenge` the loopback address of a program. */
  readonly returnTo: string | undefined;
  /** What a program will show the verifier of (RFC 7636, S256). */
  readonly challenge?: string | undefined;
  /** Who links the identity instead of signing in. */
  readonly linking?: Shown | undefined;
}

export interface Begun {
  readonly url: URL;
  /** To be kept by the browser and shown when it comes back. */
  readonly browser: string;
  readonly seconds: number;
}

/** How a sign-in with a provider ended; each goes on at `returnTo`, which says of a failure why. */
export type Ending = { readonly returnTo: string; readonly browser: string } & (
  | { readonly kind: 'signed-in'; readonly signedIn: SignedIn }
  | { readonly kind: 'code' | 'linked' | 'challenge' }
  | { readonly kind: 'failed'; readonly error: OsproxyError }
);

/** A session, or the challenge of the second factor where the user has one. */
export type Proceed = (user: User, how: string, from: Origin) => Promise<SignInAnswer>;

export interface ProviderSignInOptions {
  readonly metadata: Metadata;
  readonly providers: readonly IdentityProvider[];
  readonly identities: Pick<Identities, 'userFor' | 'link'>;
  readonly proceed: Proceed;
  readonly confirmation: Pick<Confirmation, 'check'>;
  readonly counter: RateCounter;
  readonly audit: AuditLog;
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * Signing in with another service. What is sent away is random, is kept here for ten minutes, and comes back once: by the browser that it was given to, to the
 * provider that it was made for.
 */
export class ProviderSignIn {
  readonly #options: ProviderSignInOptions;

  constructor(options: ProviderSignInOptions) {
    this.#options = options;
  }

  /** In the order of the configuration. */
  list(): readonly Pick<IdentityProvider, 'name' | 'title' | 'type'>[] {
    return this.#options.providers;
  }

  /** Rejects with NotFound, InvalidArgument, RateLimited, as the provider does and, for linking, as Confirmation does. */
  async begin(name: string, { redirectUri, linking, ...wanted }: Beginning, caller: Caller): Promise<Begun> {
    const { metadata, counter, confirmation, clock } = this.#options;
    const provider = this.#provider(name);
    const { returnTo, challenge } = wantedReturn(wanted);
    const decision = await counter.take(`sign-in/${networkOf(caller.origin.address ?? 'gone')}`, BEGINNINGS);
    if (!decision.allowed) throw rateLimited(decision);
    const confirmed = linking === undefined ? undefined : await confirmation.check(linking);
    const [state, nonce, verifier, browser] = [newSecret(), newSecret(), newSecret(), newSecret()];
    const url = await provider.begin({ redirectUri, state, nonce, verifier });
    await metadata.transaction(async (repositories) => {
      const now = clock.now();
      if (confirmed !== undefined) await holdConfirmed(repositories, confirmed, now);
      await repositories.identities.insertPending({
        ...{ hash: hashOf(state), provider: name, browser: hashOf(browser), verifier, nonce },
        ...{ redirectUri, returnTo, challenge, expiresAt: now + PENDING_MS },
        linking: confirmed && { userId: confirmed.userId, sessionId: confirmed.sessionId },
      });
    });
    return { url, browser, seconds: PENDING_MS / 1000 };
  }

  /**
   * Takes what the provider sent the browser back with; `browsers` is what the browser kept from its last beginnings. Rejects with Expired where this is not, or
   * no longer, the end of anything that began in this browser; every other failure is an Ending.
   */
  async finish(
    name: string,
    answer: URLSearchParams,
    browsers: readonly string[],
    caller: Caller,
  ): Promise<Ending> {
    const provider = this.#provider(name);
    const state = answer.getAll('state');
    const { pending, browser } = await this.#take(name, state.length === 1 ? state[0] : undefined, browsers);
    try {
      const { redirectUri, nonce, verifier } = pending;
      const request = { redirectUri, nonce, verifier, state: state[0] ?? '' };
      const proven = await provider.finish(request, answer);
      return { ...(await this.#conclude(pending, proven, caller)), browser };
    } catch (cause) {
      const error = toOsproxyError(cause);
      await this.#noteFailure(pending, error, caller);
      const { returnTo } = pending;
      return { kind: 'failed', error, browser, returnTo: withParameters(returnTo, toldOf(name, error)) };
    }
  }

  /** A session for the code of a program, or the challenge of a second factor, once. Rejects with Unauthenticated when the code or its verifier is not right, or the code is over. */
  async exchange(code: string, verifier: string, caller: Caller): Promise<SignInAnswer> {
    const { metadata, proceed, clock } = this.#options;
    const known = SECRET.test(code)
      ? await metadata.transaction(({ identities }) => identities.takeCode(hashOf(code)))
      : undefined;
    const isRight =
      known !== undefined && known.expiresAt > clock.now() && matches(verifier, known.challenge);
    const user = isRight ? await metadata.users.find(known.userId) : undefined;
    if (!isRight || user === undefined)
      throw new OsproxyError('Unauthenticated', 'This code is not valid any more; sign in again.');
    return proceed(user, known.provider, originOf(caller));
  }

  async #take(name: string, state: string | undefined, browsers: readonly string[]) {
    const { metadata, clock } = this.#options;
    if (state === undefined || !SECRET.test(state)) throw over();
    const hash = hashOf(state);
    const pending = await metadata.identities.pendingSignIn(hash);
    if (pending === undefined || pending.expiresAt <= clock.now()) throw over();
    // An answer at the address of another provider is not an answer of this one (mix-up, RFC 9700, 4.4).
    if (pending.provider !== name) throw over();
    const browser = browsers.find((one) => isSame(hashOf(one), pending.browser));
    if (browser === undefined) throw over();
    if (!(await metadata.transaction(({ identities }) => identities.takePending(hash)))) throw over();
    return { pending, browser };
  }

  async #conclude(
    { provider, returnTo, challenge, linking }: PendingSignIn,
    proven: Awaited<ReturnType<IdentityProvider['finish']>>,
    caller: Caller,
  ) {
    const { metadata, identities, proceed, clock } = this.#options;
    if (linking !== undefined) {
      await identities.link(provider, proven, linking, caller);
      return { kind: 'linked', returnTo: withParameters(returnTo, { linked: provider }) } as const;
    }
    const user = await identities.userFor(provider, proven, caller);
    if (challenge === undefined) {
      const entered = await proceed(user, provider, originOf(caller));
      if (!('challenge' in entered)) return { kind: 'signed-in', returnTo, signedIn: entered } as const;
      const further = withFragment(returnTo, 'secondFactor', entered.challenge);
      return { kind: 'challenge', returnTo: further } as const;
    }
    const code = newSecret();
    await metadata.transaction((repositories) =>
      repositories.identities.insertCode({
        ...{ hash: hashOf(code), userId: user.id, provider, challenge, expiresAt: clock.now() + CODE_MS },
      }),
    );
    return { kind: 'code', returnTo: withParameters(returnTo, { code }) } as const;
  }

  async #noteFailure({ provider, linking }: PendingSignIn, error: OsproxyError, caller: Caller) {
    const { logger, audit } = this.#options;
    const reason = reasonOf(error);
    if (error.code === 'Internal' || reason === 'misconfigured')
      logger.error({ err: error, provider }, 'a sign-in with another service failed');
    else logger.warn({ err: error, provider, reason }, 'a sign-in with another service failed');
    const outcome = error.code === 'Unavailable' || error.code === 'Internal' ? 'failed' : 'refused';
    const user = linking === undefined ? {} : { id: linking.userId };
    await audit.record(caller, {
      ...{ action: 'session.refused', subject: { kind: 'user', ...user }, outcome },
      detail: { provider, reason },
    });
  }

  #provider(name: string): IdentityProvider {
    const provider = this.#options.providers.find((one) => one.name === name);
    if (provider !== undefined) return provider;
    throw new OsproxyError('NotFound', `There is no sign-in provider "${name}".`, {
      details: { provider: name },
    });
  }
}

function wantedReturn({ returnTo, challenge }: Pick<Beginning, 'returnTo' | 'challenge'>) {
  if (challenge === undefined) return { returnTo: ownPath(returnTo ?? '/'), challenge };
  if (SECRET.test(challenge)) return { returnTo: loopbackAddress(returnTo ?? ''), challenge };
  throw new OsproxyError('InvalidArgument', 'challenge must be the base64url form of a SHA-256 digest.', {
    details: { field: 'challenge' },
  });
}

function toldOf(provider: string, error: OsproxyError): Record<string, string> {
  return { signInError: reasonOf(error), provider };
}

/** One word for a program to act on. */
function reasonOf({ code, details }: OsproxyError): string {
  if (typeof details.reason === 'string') return details.reason;
  return code === 'PermissionDenied' ? 'refused' : 'failed';
}

function originOf({ origin }: Caller) {
  return { address: origin.address, agent: origin.userAgent, requestId: origin.requestId };
}

function matches(verifier: string, challenge: string): boolean {
  return isSame(createHash('sha256').update(verifier).digest('base64url'), challenge);
}

function isSame(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}

function over(): OsproxyError {
  return new OsproxyError(
    'Expired',
    'This sign-in is over, or was begun in another browser; begin to sign in again.',
    { details: { reason: 'over' } },
  );
}
