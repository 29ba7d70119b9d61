import type { AuditLog } from '../audit/audit-log.ts';
import { OsproxyError } from '../errors.ts';
import type { Origin } from '../model/session.ts';
import type { User } from '../model/user.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';
import { callerOfUser, unknownCaller } from './callers.ts';
import { type Confirmation, holdConfirmed, type Shown } from './confirmation.ts';
import { newOneTime } from './one-time.ts';
import type { Passwords } from './passwords.ts';
import type { SecondFactor } from './second-factor.ts';
import { hashOf } from './secrets.ts';
import { disabled, type Sessions, type SignedIn } from './sessions.ts';
import type { SignInLimits } from './sign-in-limits.ts';
import { keyOfTyped, type Users } from './users.ts';

/** How long somebody has to show the second factor. */
const CHALLENGE_MS = 5 * 60_000;
/** Wrong codes after which the password is asked for again. */
const MOST_TRIES = 5;

/** The password was right, and a second factor is asked for. */
export interface Challenge {
  readonly challenge: string;
  readonly expiresAt: number;
}

export type SignInAnswer = SignedIn | Challenge;

export interface SignInOptions {
  readonly metadata: Metadata;
  readonly users: Users;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
  readonly limits: SignInLimits;
  readonly secondFactor: SecondFactor;
  readonly confirmation: Confirmation;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Signing in by name and password, and what needs the password again. */
export class SignIn {
  readonly #metadata: Metadata;
  readonly #users: Users;
  readonly #passwords: Passwords;
  readonly #sessions: Sessions;
  readonly #limits: SignInLimits;
  readonly #secondFactor: SecondFactor;
  readonly #confirmation: Confirmation;
  readonly #audit: AuditLog;
  readonly #clock: Clock;

  constructor(options: SignInOptions) {
    this.#metadata = options.metadata;
    this.#users = options.users;
    this.#passwords = options.passwords;
    this.#sessions = options.sessions;
    this.#limits = options.limits;
    this.#secondFactor = options.secondFactor;
    this.#confirmation = options.confirmation;
    this.#audit = options.audit;
    this.#clock = options.clock;
  }

  /**
   * Rejects with Unauthenticated in the same words and after the same work whether the name or the password is wrong, RateLimited after too many wrong tries, for
   * names that nobody has as well, and PermissionDenied for a disabled user.
   */
  async byPassword(nameOrEmail: string, password: string, from: Origin): Promise<SignInAnswer> {
    const user = await this.#users.find(nameOrEmail);
    const { address } = from;
    const attempt =
      user === undefined
        ? { account: keyOfTyped(nameOrEmail), address, isKnown: false }
        : await this.#limits.tryOf(user.id, address);
    const left = await this.#limits.take(attempt);
    const kept = user === undefined ? undefined : await this.#metadata.users.password(user.id);
    const right = await this.#passwords.verify(password, kept);
    if (user === undefined || kept === undefined || !right) {
      const subject = { kind: 'user', id: user?.id } as const;
      const action = left === 0 ? 'session.locked' : 'session.refused';
      await this.#audit.record(unknownCaller(from), { action, subject, outcome: 'refused' });
      throw wrong();
    }
    await this.#limits.right(attempt);
    if (user.state !== 'active') throw disabled();
    if (this.#passwords.isOutdated(kept)) await this.#renew(user.id, kept, password);
    return this.proceed(user, 'password', from);
  }

  /** For whoever has shown to be the user: a session, or the challenge of the second factor where one is on. */
  async proceed(user: User, how: string, from: Origin): Promise<SignInAnswer> {
    if (!(await this.#secondFactor.isOn(user.id))) return this.#sessions.begin(user, how, from);
    const now = this.#clock.now();
    const expiresAt = now + CHALLENGE_MS;
    const data = { how, epoch: user.authEpoch };
    const challenge = newOneTime({ kind: 'challenge', userId: user.id, data, now, expiresAt });
    await this.#metadata.transaction(({ oneTimeTokens }) => oneTimeTokens.insert(challenge.token));
    return { challenge: challenge.secret, expiresAt };
  }

  /** The second step. Rejects with Unauthenticated for a wrong code, and for a challenge that is over or had five wrong codes; RateLimited after too many. */
  async bySecondFactor(challenge: string, code: string, from: Origin): Promise<SignedIn> {
    const now = this.#clock.now();
    const hash = hashOf(challenge);
    const userId = await this.#metadata.transaction(async ({ oneTimeTokens }) => {
      const token = await oneTimeTokens.lock('challenge', hash);
      const open = token !== undefined && token.usedAt === undefined && token.expiresAt > now;
      if (!open || token.tries >= MOST_TRIES) return undefined;
      await oneTimeTokens.countTry(token.id);
      return token.userId;
    });
    if (userId === undefined) throw challengeOver();
    await this.#limits.takeCode(userId, from.address);
    const outcome = await this.#metadata.transaction(async (repositories) => {
      const token = await repositories.oneTimeTokens.lock('challenge', hash);
      if (token === undefined || token.usedAt !== undefined) return undefined;
      const kind = await this.#secondFactor.take(repositories, userId, code, now);
      if (kind === undefined) return undefined;
      await repositories.oneTimeTokens.use(token.id, now);
      return { kind, how: String(token.data.how), authEpoch: Number(token.data.epoch) };
    });
    const user = await this.#metadata.users.find(userId);
    if (user === undefined) throw challengeOver();
    if (outcome === undefined) {
      const subject = { kind: 'user', id: userId } as const;
      const entry = { action: 'session.refused', subject, outcome: 'refused' } as const;
      await this.#audit.record(callerOfUser(user, from), { ...entry, detail: { step: 'second factor' } });
      throw new OsproxyError('Unauthenticated', 'The code is wrong; wait for the next one and try again.', {
        details: { field: 'code' },
      });
    }
    await this.#limits.rightCode(userId, from.address);
    if (outcome.kind === 'recovery') {
      const entry = { action: 'second-factor.recovered', subject: { kind: 'user', id: userId } } as const;
      await this.#audit.record(callerOfUser(user, from), entry);
    }
    const { how, kind, authEpoch } = outcome;
    return this.#sessions.begin({ ...user, authEpoch }, `${how}+${kind}`, from);
  }

  /** Ends every session and begins a new one; also the first password of somebody. Rejects as Confirmation does, and with InvalidArgument when the new one is not allowed. */
  async changePassword(shown: Shown, password: string): Promise<SignedIn> {
    const { userId, from } = shown;
    const confirmed = await this.#confirmation.check(shown, 'oldPassword');
    const before = await this.#users.get(userId);
    const user = await this.#users.setPassword(
      userId,
      password,
      callerOfUser(before, from),
      (repositories, now) => holdConfirmed(repositories, confirmed, now),
    );
    return this.#sessions.begin(user, 'password', from);
  }

  /** The same password with today's parameters, unless it was changed meanwhile. */
  async #renew(userId: string, kept: string, password: string): Promise<void> {
    const renewed = await this.#passwords.hash(password);
    await this.#metadata.transaction(async ({ users }) => {
      const user = await users.lock(userId);
      if (user === undefined || (await users.password(userId)) !== kept) return;
      await users.setPassword(userId, renewed, user.updatedAt);
    });
  }
}

function wrong(): OsproxyError {
  return new OsproxyError('Unauthenticated', 'The name or the password is wrong.');
}

function challengeOver(): OsproxyError {
  return new OsproxyError('Unauthenticated', 'This sign-in is over; begin again with the password.', {
    details: { reason: 'challenge-over' },
  });
}
