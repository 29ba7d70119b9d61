import { OsproxyError } from '../errors.ts';
import type { Origin } from '../model/session.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { Passwords } from './passwords.ts';
import { disabled, type Sessions, type SignedIn } from './sessions.ts';
import type { Users } from './users.ts';

export interface SignInOptions {
  readonly metadata: Metadata;
  readonly users: Users;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
}

/** Signing in by name and password, and what needs the password again. */
export class SignIn {
  readonly #metadata: Metadata;
  readonly #users: Users;
  readonly #passwords: Passwords;
  readonly #sessions: Sessions;

  constructor(options: SignInOptions) {
    this.#metadata = options.metadata;
    this.#users = options.users;
    this.#passwords = options.passwords;
    this.#sessions = options.sessions;
  }

  /** Rejects with Unauthenticated in the same words and after the same work whether the name or the password is wrong; PermissionDenied for a disabled user. */
  async byPassword(nameOrEmail: string, password: string, from: Origin): Promise<SignedIn> {
    const user = await this.#users.find(nameOrEmail);
    const kept = user === undefined ? undefined : await this.#metadata.users.password(user.id);
    const right = await this.#passwords.verify(password, kept);
    if (user === undefined || kept === undefined || !right) throw wrong();
    if (user.state !== 'active') throw disabled();
    if (this.#passwords.isOutdated(kept)) await this.#renew(user.id, kept, password);
    return this.#sessions.begin(user, 'password', from);
  }

  /** Ends every session and begins a new one. Rejects with PermissionDenied when the old password is wrong, InvalidArgument when the new one is not allowed. */
  async changePassword(userId: string, old: string, password: string, from: Origin): Promise<SignedIn> {
    const kept = await this.#metadata.users.password(userId);
    if (!(await this.#passwords.verify(old, kept))) throw wrongPassword('oldPassword');
    const user = await this.#users.setPassword(userId, password);
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

function wrongPassword(field: string): OsproxyError {
  return new OsproxyError('PermissionDenied', 'The password is wrong.', { details: { field } });
}
