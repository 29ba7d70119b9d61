import { createHash } from 'node:crypto';
import { OsproxyError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';
import { networkOf } from '../rate-limits.ts';

/** Tries at one account from all unknown networks together, for each that one network has. */
const NETWORKS = 5;
const MOST_SESSIONS = 200;

export interface SignInRules {
  /** Wrong tries at one account from one network. */
  readonly perAccount: number;
  /** Wrong tries from one network at whatever accounts. */
  readonly perAddress: number;
  /** Milliseconds from the first wrong try until all are allowed again. */
  readonly windowMs: number;
}

export interface SignInTry {
  /** Id of the user, or what was typed where there is none. */
  readonly account: string;
  /** Undefined for those that were gone before they could be asked. */
  readonly address: string | undefined;
  /** True where the user is signed in from this network already: a guesser elsewhere does not lock the user out. */
  readonly isKnown: boolean;
}

interface Counted {
  readonly key: string;
  readonly limit: number;
}

/** How often somebody may guess. Kept in the database, so all nodes count together and a restart forgets nothing. */
export class SignInLimits {
  readonly #metadata: Metadata;
  readonly #clock: Clock;
  readonly #rules: SignInRules;

  constructor(metadata: Metadata, clock: Clock, rules: SignInRules) {
    this.#metadata = metadata;
    this.#clock = clock;
    this.#rules = rules;
  }

  /** A try at the password of a user, from wherever. */
  async tryOf(userId: string, address: string | undefined): Promise<SignInTry> {
    const network = address === undefined ? undefined : networkOf(address);
    const sessions = await this.#metadata.sessions.ofUser(userId, this.#clock.now(), MOST_SESSIONS);
    const isKnown = sessions.some((one) => one.address !== undefined && networkOf(one.address) === network);
    return { account: userId, address, isKnown };
  }

  /** Counts a try before it is known whether it is right, so that many at once are no more than that many; resolves how many more are allowed. Rejects with RateLimited. */
  take(attempt: SignInTry): Promise<number> {
    return this.#take(this.#keysOf(attempt));
  }

  /** The try was right: the account starts anew, and the network has one more. */
  right(attempt: SignInTry): Promise<void> {
    return this.#right(this.#keysOf(attempt));
  }

  /** As take, for codes of the second factor: somebody with the password does not lock the user out elsewhere. */
  async takeCode(userId: string, address: string | undefined): Promise<void> {
    await this.#take(this.#codeKeysOf(userId, address));
  }

  rightCode(userId: string, address: string | undefined): Promise<void> {
    return this.#right(this.#codeKeysOf(userId, address));
  }

  async #right([own, ...others]: readonly Counted[]): Promise<void> {
    await this.#metadata.transaction(async ({ attempts }) => {
      if (own !== undefined) await attempts.clear(own.key);
      for (const { key } of others) await attempts.giveBack(key);
    });
  }

  /** For what may be asked for so often by or for one user, such as a mail. */
  async takeFor(what: string, userId: string, limit = this.#rules.perAccount): Promise<void> {
    await this.#take([{ key: `${what}/${digest(userId)}`, limit }]);
  }

  /** For what costs something whoever asks for it, such as a mail. */
  async takeOfNetwork(what: string, address: string | undefined, limit: number): Promise<void> {
    await this.#take([{ key: `${what}/${networkOf(address ?? 'gone')}`, limit }]);
  }

  async #take(keys: readonly Counted[]): Promise<number> {
    const now = this.#clock.now();
    const { windowMs } = this.#rules;
    const { until, left } = await this.#metadata.transaction(async ({ attempts }) => {
      let fewest = Number.POSITIVE_INFINITY;
      for (const { key, limit } of keys) {
        const decision = await attempts.take(key, limit, windowMs, now);
        // What is refused for itself must not count for what others share: one network would lock an account for all.
        if (!decision.allowed) return { until: decision.until, left: 0 };
        fewest = Math.min(fewest, decision.left);
      }
      return { until: 0, left: fewest };
    });
    if (until === 0) return left;
    const retryAfterSeconds = Math.max(1, Math.ceil((until - now) / 1000));
    throw new OsproxyError('RateLimited', `Too many wrong tries; try again in ${retryAfterSeconds} s.`, {
      retryAfterSeconds,
    });
  }

  #codeKeysOf(userId: string, address: string | undefined): Counted[] {
    const { perAccount } = this.#rules;
    const key = `code/${digest(userId)}`;
    return [
      { key: `${key}/${networkOf(address ?? 'gone')}`, limit: perAccount },
      { key, limit: perAccount * NETWORKS },
    ];
  }

  /** From the one that fewest share to the one that most share. */
  #keysOf({ account, address, isKnown }: SignInTry): Counted[] {
    const { perAccount, perAddress } = this.#rules;
    const network = networkOf(address ?? 'gone');
    const who = digest(account);
    return [
      { key: `pair/${who}/${network}`, limit: perAccount },
      { key: `address/${network}`, limit: perAddress },
      ...(isKnown ? [] : [{ key: `account/${who}`, limit: perAccount * NETWORKS }]),
    ];
  }
}

/** What somebody typed as a name may be anything, a password by mistake as well. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
