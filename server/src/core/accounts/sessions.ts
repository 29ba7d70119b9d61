import { randomBytes } from 'node:crypto';
import type { AuditLog } from '../audit/audit-log.ts';
import { isOsproxyError, OsproxyError } from '../errors.ts';
import type { Caller } from '../model/audit.ts';
import { ownerOfUser, type PersonPrincipal } from '../model/principal.ts';
import type { Origin, Session } from '../model/session.ts';
import type { User } from '../model/user.ts';
import type { AccessTokens } from '../ports/access-tokens.ts';
import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/ids.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';
import { callerOfUser, SYSTEM } from './callers.ts';
import { hashOf, newSecret, successorOf } from './secrets.ts';
import type { SessionStates } from './session-states.ts';

/** How long the token that was just used still gives the one that follows it, so that two tabs that refresh at once both go on. */
const GRACE_MS = 10_000;
const MOST_LISTED = 200;
const MOST_AGENT = 255;
const FORM = /^[A-Za-z0-9_-]{43}$/;

interface IssuedToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What somebody who signed in gets; the tokens are not kept and cannot be shown again. */
export interface SignedIn {
  readonly user: User;
  readonly sessionId: string;
  readonly access: IssuedToken;
  readonly refresh: IssuedToken;
}

export interface SessionTimes {
  /** Life of an access token, milliseconds, at most 15 minutes. */
  readonly accessMs: number;
  /** A session that is not refreshed for this long ends. */
  readonly refreshMs: number;
  /** Longest life of a session, however often it is refreshed. */
  readonly sessionMs: number;
}

export interface SessionsOptions {
  readonly metadata: Metadata;
  readonly states: SessionStates;
  readonly tokens: AccessTokens;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly times: SessionTimes;
}

/** Who is signed in where. A session is the family of its refresh tokens: each is used once, and using one again ends the session. */
export class Sessions {
  readonly #metadata: Metadata;
  readonly #states: SessionStates;
  readonly #tokens: AccessTokens;
  readonly #ids: IdSource;
  readonly #clock: Clock;
  readonly #audit: AuditLog;
  readonly #times: SessionTimes;

  constructor(options: SessionsOptions) {
    this.#metadata = options.metadata;
    this.#states = options.states;
    this.#tokens = options.tokens;
    this.#ids = options.ids;
    this.#clock = options.clock;
    this.#audit = options.audit;
    this.#times = options.times;
  }

  /**
   * What every way of signing in ends with; always a new session. Rejects with PermissionDenied for a user who is disabled or gone, and with Unauthenticated
   * where every session was ended after `user` was read: what showed who it is may be void by now.
   */
  async begin(user: User, how: string, from: Origin): Promise<SignedIn> {
    const now = this.#clock.now();
    const token = newSecret();
    const sessionId = this.#ids.next();
    const expiresAt = this.#expiry(now, now);
    const current = await this.#metadata.transaction(async (repositories) => {
      const { users, sessions } = repositories;
      if (!(await users.signedIn(user.id, now))) throw disabled();
      const found = await users.find(user.id);
      if (found?.authEpoch !== user.authEpoch) throw signedOut();
      await sessions.insert({
        ...{ id: sessionId, userId: user.id, how, createdAt: now, lastSeenAt: now, expiresAt },
        ...{ endedAt: undefined, ...shortened(from) },
      });
      await sessions.insertToken({
        hash: hashOf(token),
        sessionId,
        expiresAt,
        usedAt: undefined,
        nonce: undefined,
      });
      await this.#note(repositories, callerOfUser(user, from), 'session.begun', user.id, { sessionId, how });
      return found;
    });
    return this.#issue(current, sessionId, { token, expiresAt }, now);
  }

  /**
   * A new pair of tokens for a refresh token that was not used before, or a moment ago. Rejects with Unauthenticated for any other; one that was used
   * earlier ends its session, since somebody else has it too.
   */
  async refresh(token: string, from: Origin): Promise<SignedIn> {
    const nonce = randomBytes(16).toString('base64url');
    const outcome = FORM.test(token)
      ? await this.#metadata.transaction((repositories) => this.#rotate(repositories, token, nonce, from))
      : 'unknown';
    if (outcome === 'reused') await this.#states.changed();
    if (outcome === 'unknown' || outcome === 'reused') throw refused();
    const { user, sessionId, now, ...refresh } = outcome;
    return this.#issue(user, sessionId, refresh, now);
  }

  async #rotate(
    repositories: MetadataWriter,
    token: string,
    nonce: string,
    from: Origin,
  ): Promise<'unknown' | 'reused' | (IssuedToken & { user: User; sessionId: string; now: number })> {
    const { users, sessions } = repositories;
    const now = this.#clock.now();
    const known = await sessions.lockToken(hashOf(token));
    if (known === undefined || known.expiresAt <= now) return 'unknown';
    const { sessionId } = known;
    const session = await sessions.find(sessionId);
    const user = session === undefined ? undefined : await users.find(session.userId);
    if (session === undefined || user?.state !== 'active') return 'unknown';
    if (session.expiresAt <= now || session.endedAt !== undefined) return 'unknown';
    const successor = successorOf(token, known.nonce ?? nonce);
    if (known.usedAt === undefined) {
      const expiresAt = this.#expiry(session.createdAt, now);
      if (!(await sessions.goOn(sessionId, now, expiresAt, shortened(from)))) return 'unknown';
      await sessions.useToken(known.hash, now, nonce);
      await sessions.insertToken({
        hash: hashOf(successor),
        sessionId,
        expiresAt,
        usedAt: undefined,
        nonce: undefined,
      });
      return { user, sessionId, now, token: successor, expiresAt };
    }
    const next = await sessions.lockToken(hashOf(successor));
    if (Math.abs(now - known.usedAt) <= GRACE_MS && next !== undefined && next.usedAt === undefined) {
      return { user, sessionId, now, token: successor, expiresAt: next.expiresAt };
    }
    await sessions.end(user.id, sessionId, now);
    await this.#note(repositories, callerOfUser(user, from), 'session.reused', user.id, { sessionId });
    return 'reused';
  }

  /** The session that a refresh token belongs to is ended, whatever was done with the token; nothing happens for an unknown one. */
  async endByToken(token: string): Promise<void> {
    const now = this.#clock.now();
    const ended = await this.#metadata.transaction(async ({ sessions }) => {
      const known = FORM.test(token) ? await sessions.lockToken(hashOf(token)) : undefined;
      const session = known === undefined ? undefined : await sessions.find(known.sessionId);
      return session !== undefined && sessions.end(session.userId, session.id, now);
    });
    if (ended) await this.#states.changed();
  }

  /** Throws Unauthenticated unless the token is right and its session goes on, which is at most two seconds old knowledge. */
  async authenticate(token: string): Promise<PersonPrincipal> {
    const { userId, sessionId, epoch } = await this.#tokens.verify(token);
    const state = await this.#states.find(sessionId);
    const goesOn =
      state !== undefined &&
      state.userId === userId &&
      state.authEpoch === epoch &&
      state.state === 'active' &&
      state.endedAt === undefined &&
      state.expiresAt > this.#clock.now();
    if (!goesOn) throw signedOut();
    return { kind: 'person', userId, sessionId, role: state.role, owner: ownerOfUser(userId) };
  }

  /** True while the session of somebody who was let in goes on; at most two seconds old knowledge. */
  async goesOn({ sessionId, role }: Pick<PersonPrincipal, 'sessionId' | 'role'>): Promise<boolean> {
    const state = await this.#states.find(sessionId);
    if (state === undefined || state.endedAt !== undefined || state.role !== role) return false;
    return state.state === 'active' && state.expiresAt > this.#clock.now();
  }

  /** Those that go on, newest first, at most 200. */
  list(userId: string): Promise<readonly Session[]> {
    return this.#metadata.sessions.ofUser(userId, this.#clock.now(), MOST_LISTED);
  }

  /** Rejects with NotFound unless the user has such a session that goes on. */
  async end(userId: string, sessionId: string, caller = SYSTEM): Promise<void> {
    const now = this.#clock.now();
    const ended = await this.#metadata.transaction(async (repositories) => {
      const found = await repositories.sessions.end(userId, sessionId, now);
      if (found) await this.#note(repositories, caller, 'session.ended', userId, { sessionId });
      return found;
    });
    if (!ended) {
      throw new OsproxyError('NotFound', `There is no session ${sessionId} that goes on.`, {
        details: { sessionId },
      });
    }
    await this.#states.changed();
  }

  /** As end, and nothing happens where the session is over already. */
  async endOwn(userId: string, sessionId: string, caller: Caller): Promise<void> {
    await this.end(userId, sessionId, caller).catch((error: unknown) => {
      if (!isOsproxyError(error, 'NotFound')) throw error;
    });
  }

  /** Signs the user out everywhere; access tokens that are about are void at once, and so are open links to another address. */
  async endAll(userId: string, caller = SYSTEM): Promise<void> {
    const now = this.#clock.now();
    await this.#metadata.transaction(async (repositories) => {
      await endEverySession(repositories, userId, now);
      await this.#note(repositories, caller, 'session.ended', userId, { all: true });
    });
    await this.#states.changed();
  }

  #note(
    repositories: MetadataWriter,
    caller: Caller,
    action: 'session.begun' | 'session.ended' | 'session.reused',
    userId: string,
    detail: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    return this.#audit.note(repositories, caller, { action, subject: { kind: 'user', id: userId }, detail });
  }

  async #issue(user: User, sessionId: string, refresh: IssuedToken, now: number): Promise<SignedIn> {
    const expiresAt = now + this.#times.accessMs;
    const claims = { userId: user.id, sessionId, epoch: user.authEpoch, expiresAt };
    return { user, sessionId, access: { token: await this.#tokens.sign(claims), expiresAt }, refresh };
  }

  #expiry(createdAt: number, now: number): number {
    const { refreshMs, sessionMs } = this.#times;
    return Math.min(now + refreshMs, createdAt + sessionMs);
  }
}

/**
 * Within a transaction; whoever calls it tells SessionStates after the commit. Voids what was begun in the sessions as well: links to another address,
 * sign-ins that wait for the second factor, and a second factor that was not confirmed. Resolves the user of the new epoch.
 */
export async function endEverySession(
  { users, sessions, oneTimeTokens, secondFactors }: MetadataWriter,
  userId: string,
  now: number,
): Promise<User | undefined> {
  const before = await users.lock(userId);
  const user =
    before === undefined ? undefined : { ...before, authEpoch: before.authEpoch + 1, updatedAt: now };
  if (user !== undefined) await users.update(user);
  await sessions.endAll(userId, now);
  await oneTimeTokens.removeOfUser(userId, 'email');
  await oneTimeTokens.removeOfUser(userId, 'challenge');
  const totp = await secondFactors.totp(userId);
  if (totp !== undefined && totp.confirmedAt === undefined) await secondFactors.removeOfUser(userId);
  return user;
}

function shortened({ address, agent }: Origin): Origin {
  return { address, agent: agent?.slice(0, MOST_AGENT).replace(/\p{Cc}/gu, ' ') };
}

function refused(): OsproxyError {
  return new OsproxyError('Unauthenticated', 'This refresh token is not valid any more; sign in again.');
}

function signedOut(): OsproxyError {
  return new OsproxyError('Unauthenticated', 'This session is over; sign in again.', {
    details: { reason: 'signed-out' },
  });
}

export function disabled(): OsproxyError {
  return new OsproxyError('PermissionDenied', 'This account is disabled; ask an administrator.');
}
