import { createHash } from 'node:crypto';
import type { AuditLog } from '../audit/audit-log.ts';
import { OsproxyError } from '../errors.ts';
import type { Origin } from '../model/session.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';
import { callerOfUser } from './callers.ts';
import { newOneTime, openOneTime } from './one-time.ts';
import type { Sessions, SignedIn } from './sessions.ts';
import type { NewUser, Users } from './users.ts';

const LINK_MS = 30 * 60_000;
/** Kept for good, and unique: whoever sets up writes it, so that it is done once. */
const DONE = createHash('sha256').update('osproxy is set up').digest('hex');
const NEVER = 8_640_000_000_000_000;

export interface SetUpOptions {
  readonly metadata: Metadata;
  readonly users: Users;
  readonly sessions: Sessions;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** How the first administrator comes about. */
export class SetUp {
  readonly #metadata: Metadata;
  readonly #users: Users;
  readonly #sessions: Sessions;
  readonly #audit: AuditLog;
  readonly #clock: Clock;

  constructor(options: SetUpOptions) {
    this.#metadata = options.metadata;
    this.#users = options.users;
    this.#sessions = options.sessions;
    this.#audit = options.audit;
    this.#clock = options.clock;
  }

  /** The secret of a link that is good for thirty minutes and for one use; undefined where somebody has an account already. */
  async newLink(): Promise<string | undefined> {
    if (await this.#users.any()) return undefined;
    const now = this.#clock.now();
    const { token, secret } = newOneTime({ kind: 'setup', now, expiresAt: now + LINK_MS });
    await this.#metadata.transaction(({ oneTimeTokens }) => oneTimeTokens.insert(token));
    return secret;
  }

  /** Makes the administrator and signs in. Rejects with Expired for a link that is used or over, Conflict where somebody else was first. */
  async claim(secret: string, wanted: Omit<NewUser, 'role'>, from: Origin): Promise<SignedIn> {
    const admin = { ...wanted, role: 'admin' } as const;
    // Looked at first, so that nobody without a link makes the service compute hashes.
    await this.#metadata.transaction((r) => openOneTime(r, 'setup', secret, this.#clock.now()));
    const user = await this.#users
      .create(admin, async (created, repositories, now) => {
        const token = await openOneTime(repositories, 'setup', secret, now);
        await repositories.oneTimeTokens.use(token.id, now);
        const done = newOneTime({ kind: 'set-up', now, expiresAt: NEVER }).token;
        const others = (await repositories.users.list(undefined, 2)).filter(({ id }) => id !== created.id);
        if (others.length > 0) throw isSetUp();
        await repositories.oneTimeTokens.insert({ ...done, hash: DONE, usedAt: now });
        const entry = { action: 'user.set-up', subject: { kind: 'user', id: created.id } } as const;
        await this.#audit.note(repositories, callerOfUser(created, from), entry);
      })
      .catch((error: unknown) => {
        const message = error instanceof OsproxyError && error.code === 'AlreadyExists' ? error.message : '';
        throw message.startsWith('This one-time token') ? isSetUp() : error;
      });
    return this.#sessions.begin(user, 'set-up', from);
  }
}

function isSetUp(): OsproxyError {
  return new OsproxyError(
    'Conflict',
    'There is an account already; sign in, or ask an administrator for one.',
  );
}
