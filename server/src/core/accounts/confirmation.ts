import type { AuditLog } from '../audit/audit-log.ts';
import { OsproxyError } from '../errors.ts';
import type { Origin } from '../model/session.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';
import { callerOfUser } from './callers.ts';
import { holdUser } from './held-user.ts';
import type { Passwords } from './passwords.ts';
import type { SignInLimits } from './sign-in-limits.ts';

/** How long ago somebody without a password may have signed in. */
const YOUNG_MS = 10 * 60_000;

/** What somebody who is signed in shows beside the access token, which may be stolen. */
export interface Shown {
  readonly userId: string;
  readonly sessionId: string;
  /** The present password; undefined where none was sent. */
  readonly password: string | undefined;
  readonly from: Origin;
}

/** What was found right, for the transaction that rests on it. */
export interface Confirmed {
  readonly userId: string;
  readonly sessionId: string;
  /** How the password is kept; undefined for somebody who has none. */
  readonly kept: string | undefined;
  /** What the password is called where it was typed. */
  readonly field: string;
}

export interface ConfirmationOptions {
  readonly metadata: Metadata;
  readonly passwords: Passwords;
  readonly limits: SignInLimits;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/**
 * The one rule for whatever adds or changes a way into an account: the present password or, for somebody without one, a session that began by signing in at
 * most ten minutes ago. A stolen access token alone never makes a lasting way in.
 */
export class Confirmation {
  readonly #options: ConfirmationOptions;

  constructor(options: ConfirmationOptions) {
    this.#options = options;
  }

  /**
   * Rejects with PermissionDenied for a wrong password and, with the reason "confirm", where none was sent or the session is too old; RateLimited after as many wrong
   * ones as at a sign-in, with which they count together. What it resolves goes to holdConfirmed.
   */
  async check({ userId, sessionId, password, from }: Shown, field = 'password'): Promise<Confirmed> {
    const { metadata, passwords, limits, clock } = this.#options;
    const kept = await metadata.users.password(userId);
    const confirmed = { userId, sessionId, kept, field };
    if (kept === undefined) {
      await refuseUnlessYoung(metadata, confirmed, clock.now());
      return confirmed;
    }
    if (password === undefined) throw passwordNeeded(field);
    const attempt = await limits.tryOf(userId, from.address);
    const left = await limits.take(attempt);
    if (!(await passwords.verify(password, kept))) {
      await this.#note(userId, from, left === 0);
      throw wrongPassword(field);
    }
    await limits.right(attempt);
    return confirmed;
  }

  async #note(userId: string, from: Origin, isLocked: boolean): Promise<void> {
    const { metadata, audit } = this.#options;
    const user = await metadata.users.find(userId);
    if (user === undefined) return;
    await audit.record(callerOfUser(user, from), {
      ...{ action: isLocked ? 'session.locked' : 'session.refused', outcome: 'refused' },
      ...{ subject: { kind: 'user', id: userId }, detail: { step: 'confirmation' } },
    });
  }
}

/** In the transaction that rests on it, first: locks the user, and throws PermissionDenied where what was confirmed is not so any more. */
export async function holdConfirmed(
  repositories: MetadataWriter,
  confirmed: Confirmed,
  now: number,
): Promise<void> {
  const { userId, kept, field } = confirmed;
  await holdUser(repositories, userId, now);
  const current = await repositories.users.password(userId);
  if (kept === undefined && current !== undefined) throw passwordNeeded(field);
  if (current !== kept) throw wrongPassword(field);
  if (kept === undefined) await refuseUnlessYoung(repositories, confirmed, now);
}

async function refuseUnlessYoung(
  { sessions }: Pick<Metadata, 'sessions'>,
  { userId, sessionId }: Confirmed,
  now: number,
): Promise<void> {
  const session = await sessions.find(sessionId);
  const goesOn = session?.userId === userId && session.endedAt === undefined && session.expiresAt > now;
  if (goesOn && now - session.createdAt <= YOUNG_MS) return;
  const minutes = YOUNG_MS / 60_000;
  throw new OsproxyError(
    'PermissionDenied',
    `This changes how you sign in: sign in once more, and repeat it with the new access token within ${minutes} minutes.`,
    { details: { reason: 'confirm', maxSessionAgeSeconds: YOUNG_MS / 1000 } },
  );
}

function passwordNeeded(field: string): OsproxyError {
  return new OsproxyError(
    'PermissionDenied',
    `This changes how you sign in: send your present password as "${field}" as well.`,
    { details: { reason: 'confirm', field } },
  );
}

function wrongPassword(field: string): OsproxyError {
  return new OsproxyError('PermissionDenied', 'The password is wrong.', { details: { field } });
}
