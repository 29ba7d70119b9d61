import type { Credentials } from './authentication.ts';
import { OsproxyError } from './errors.ts';
import type { Principal } from './model/principal.ts';
import type { RateCounter, RateDecision } from './ports/rate-counter.ts';

export const RATE_WINDOW_SECONDS = 60;
const WINDOW_MS = RATE_WINDOW_SECONDS * 1000;
/** Addresses that are shut out and credentials that were good lately, remembered by each process. */
const REMEMBERED = 10_000;

export interface RateLimitOptions {
  readonly counter: RateCounter;
  /** Requests in any minute of one key, one link or, without either, one address; 0 sets no limit. */
  readonly requestsPerMinute: number;
  /** Failed authentications in any minute from one address; 0 sets no limit. */
  readonly failuresPerMinute: number;
}

/** How many requests somebody may make, and how often an address may guess. */
export class RateLimits {
  readonly requestsPerMinute: number;
  readonly #failuresPerMinute: number;
  readonly #counter: RateCounter;
  /** Addresses with too many failures and the moment from which they may try again. */
  readonly #shutOut = new Map<string, number>();
  /** What was good lately stays good: a guesser does not shut out those who share its address, such as a proxy's. */
  readonly #good = new Set<string>();

  constructor(options: RateLimitOptions) {
    this.requestsPerMinute = options.requestsPerMinute;
    this.#failuresPerMinute = options.failuresPerMinute;
    this.#counter = options.counter;
  }

  /** Runs the authentication; throws RateLimited instead for an address that has failed too often. */
  async authenticate(
    credentials: Credentials,
    address: string,
    authenticate: (credentials: Credentials) => Promise<Principal>,
  ): Promise<Principal> {
    // A node that is refused must not keep out the others of its address.
    if (this.#failuresPerMinute === 0 || credentials.peer !== undefined) return authenticate(credentials);
    const shown = credentials.apiKey ?? credentials.linkToken ?? '';
    return this.guess(shown, address, () => authenticate(credentials), isGuess);
  }

  /** Runs `look`, which says whether the secret is a good one; throws RateLimited instead for an address that has been wrong too often. */
  async guess<T>(
    shown: string,
    address: string,
    look: () => Promise<T>,
    isWrong: (error: unknown) => boolean,
  ): Promise<T> {
    if (this.#failuresPerMinute === 0) return look();
    const network = networkOf(address);
    this.#refuse(network, shown);
    try {
      const found = await look();
      remember(this.#good, shown);
      return found;
    } catch (error) {
      this.#good.delete(shown);
      if (isWrong(error)) await this.#failed(network);
      throw error;
    }
  }

  /** Counts one request; the caller refuses it when it is not allowed. undefined where nothing is counted: without a limit, and for other nodes. */
  async take(principal: Principal, address: string): Promise<RateDecision | undefined> {
    if (this.requestsPerMinute === 0 || principal.kind === 'peer') return undefined;
    const rule = { limit: this.requestsPerMinute, windowMs: WINDOW_MS };
    return this.#counter.take(`requests/${nameOf(principal, address)}`, rule);
  }

  #refuse(network: string, shown: string): void {
    const until = this.#shutOut.get(network);
    if (until === undefined) return;
    const waitMs = until - performance.now();
    if (waitMs <= 0) this.#shutOut.delete(network);
    else if (!this.#good.has(shown)) {
      throw tooMany('Too many wrong keys or links came from your address', waitMs);
    }
  }

  async #failed(network: string): Promise<void> {
    const rule = { limit: this.#failuresPerMinute, windowMs: WINDOW_MS };
    const { remaining, resetMs } = await this.#counter.take(`failures/${network}`, rule);
    if (remaining > 0) return;
    if (this.#shutOut.size >= REMEMBERED) {
      const [oldest] = this.#shutOut.keys();
      if (oldest !== undefined) this.#shutOut.delete(oldest);
    }
    this.#shutOut.set(network, performance.now() + resetMs);
  }
}

/** A right access token that is over is no guess: every client has one now and then. */
function isGuess(error: unknown): boolean {
  return (
    error instanceof OsproxyError && error.code === 'Unauthenticated' && error.details.reason === undefined
  );
}

/** The refusal of a request for which `take` gave no room. */
export function rateLimited(decision: RateDecision): OsproxyError {
  return tooMany('Too many requests', decision.resetMs);
}

function tooMany(what: string, waitMs: number): OsproxyError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new OsproxyError('RateLimited', `${what}; try again in ${seconds} s.`, {
    retryAfterSeconds: seconds,
  });
}

function nameOf(principal: Principal, address: string): string {
  if (principal.kind === 'service') return `key/${principal.keyId}`;
  if (principal.kind === 'person') return `person/${principal.userId}`;
  if (principal.kind === 'link') return `link/${principal.linkId}`;
  return `address/${networkOf(address)}`;
}

/** One customer has a whole /64 of IPv6 addresses; an IPv4 address counts alone, however it is written. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const groups = [...front, ...Array.from({ length: gap }, () => '0'), ...back];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}

function remember(set: Set<string>, value: string): void {
  if (set.has(value)) return;
  if (set.size >= REMEMBERED) {
    const [oldest] = set;
    if (oldest !== undefined) set.delete(oldest);
  }
  set.add(value);
}
