import type { AuditLog } from '../../audit/audit-log.ts';
import { isOsproxyError, OsproxyError } from '../../errors.ts';
import type { Caller } from '../../model/audit.ts';
import type { Identity } from '../../model/identity.ts';
import type { User } from '../../model/user.ts';
import type { Clock } from '../../ports/clock.ts';
import type { IdentityProvider, ProvenIdentity } from '../../ports/identity-provider.ts';
import type { IdSource } from '../../ports/ids.ts';
import type { Metadata, MetadataWriter } from '../../ports/metadata.ts';
import { holdUser } from '../held-user.ts';
import { checkedDisplayName, checkedEmail } from '../name-rules.ts';
import type { Users } from '../users.ts';
import { loginNames } from './login-names.ts';

const MOST_OF_USER = 20;

/** Decides whether somebody whom nobody knows may have an account. */
interface SignUpRule {
  /** An address that the provider has not checked counts as none. */
  admits(verifiedEmail: string | undefined): boolean;
}

export interface IdentitiesOptions {
  readonly metadata: Metadata;
  readonly providers: readonly IdentityProvider[];
  readonly users: Users;
  readonly signUp: SignUpRule;
  readonly audit: AuditLog;
  readonly ids: IdSource;
  readonly clock: Clock;
}

/** Who users are at other services. An identity is a user's because the user linked it, or because the account was made for it: never because of an address. */
export class Identities {
  readonly #metadata: Metadata;
  readonly #providers: readonly IdentityProvider[];
  readonly #users: Users;
  readonly #signUp: SignUpRule;
  readonly #audit: AuditLog;
  readonly #ids: IdSource;
  readonly #clock: Clock;

  constructor(options: IdentitiesOptions) {
    this.#metadata = options.metadata;
    this.#providers = options.providers;
    this.#users = options.users;
    this.#signUp = options.signUp;
    this.#audit = options.audit;
    this.#ids = options.ids;
    this.#clock = options.clock;
  }

  list(userId: string): Promise<readonly Identity[]> {
    return this.#metadata.identities.ofUser(userId);
  }

  /** The user whose identity it is, or a new one. Rejects with PermissionDenied where nobody may have an account by themselves, Conflict where the address is somebody's. */
  async userFor(provider: string, proven: ProvenIdentity, caller: Caller): Promise<User> {
    const known = await this.#metadata.identities.find(provider, proven.issuer, proven.subject);
    if (known === undefined) return this.#join(provider, proven, caller);
    const { email, name } = proven;
    await this.#metadata.transaction((r) => r.identities.used(known.id, this.#clock.now(), { email, name }));
    return this.#users.get(known.userId);
  }

  /** Rejects with Conflict when it is another user's, and Unauthenticated when the session that began it is over. */
  async link(
    provider: string,
    proven: ProvenIdentity,
    { userId, sessionId }: { readonly userId: string; readonly sessionId: string },
    caller: Caller,
  ): Promise<void> {
    const now = this.#clock.now();
    try {
      await this.#metadata.transaction(async (repositories) => {
        const { sessions, identities } = repositories;
        const user = await holdUser(repositories, userId, now);
        const session = await sessions.state(sessionId);
        const goesOn = session?.userId === userId && session.state === 'active' && session.expiresAt > now;
        if (user === undefined || !goesOn || session.endedAt !== undefined) throw signedOut();
        const known = await identities.find(provider, proven.issuer, proven.subject);
        if (known !== undefined && known.userId !== userId) throw linkedElsewhere();
        if (known !== undefined) return;
        if ((await identities.ofUser(userId)).length >= MOST_OF_USER) throw tooMany();
        const actor = { kind: 'person', id: user.id, name: user.name } as const;
        await this.#insert(repositories, user, provider, proven, { ...caller, actor });
      });
    } catch (error) {
      throw isOsproxyError(error, 'AlreadyExists') ? linkedElsewhere() : error;
    }
  }

  /** Rejects with NotFound, and with Conflict when the user could not sign in any more. */
  async unlink(userId: string, id: string, caller: Caller): Promise<void> {
    const configured = new Set(this.#providers.map(({ name }) => name));
    await this.#metadata.transaction(async (repositories) => {
      const { users, identities } = repositories;
      await holdUser(repositories, userId, this.#clock.now());
      const all = await identities.ofUser(userId);
      const one = all.find((identity) => identity.id === id);
      if (one === undefined)
        throw new OsproxyError('NotFound', `There is no identity ${id}.`, { details: { id } });
      const others = all.filter((other) => other.id !== id && configured.has(other.provider));
      if (others.length === 0 && (await users.password(userId)) === undefined) throw lastWay();
      await identities.remove(userId, id);
      await this.#audit.note(repositories, caller, {
        action: 'identity.unlinked',
        subject: { kind: 'user', id: userId },
        detail: { provider: one.provider, identity: id },
      });
    });
  }

  async #join(provider: string, proven: ProvenIdentity, caller: Caller): Promise<User> {
    const email = proven.emailVerified ? orNothing(checkedEmail, proven.email) : undefined;
    if (!this.#signUp.admits(email)) throw noAccount();
    const displayName = orNothing(checkedDisplayName, proven.name);
    for (const name of loginNames(proven)) {
      if (email !== undefined && (await this.#users.find(email)) !== undefined) {
        const twin = await this.#twin(provider, proven);
        if (twin !== undefined) return twin;
        throw emailTaken();
      }
      if ((await this.#users.find(name)) !== undefined) continue;
      try {
        return await this.#users.create(
          { name, email, emailIsVerified: true, displayName },
          (user, repositories) => this.#insert(repositories, user, provider, proven, caller),
          caller,
        );
      } catch (error) {
        if (!isOsproxyError(error, 'AlreadyExists')) throw error;
        // Somebody took the name meanwhile, or the same person came twice.
        const twin = await this.#twin(provider, proven);
        if (twin !== undefined) return twin;
      }
    }
    throw new OsproxyError('Unavailable', 'No free name was found for a new account; try again.');
  }

  async #twin(provider: string, { issuer, subject }: ProvenIdentity): Promise<User | undefined> {
    const known = await this.#metadata.identities.find(provider, issuer, subject);
    return known === undefined ? undefined : this.#users.get(known.userId);
  }

  async #insert(
    repositories: MetadataWriter,
    user: User,
    provider: string,
    { issuer, subject, email, name }: ProvenIdentity,
    caller: Caller,
  ): Promise<void> {
    const [id, now] = [this.#ids.next(), this.#clock.now()];
    await repositories.identities.insert({
      ...{ id, userId: user.id, provider, issuer, subject, email, name },
      ...{ linkedAt: now, lastUsedAt: undefined },
    });
    await this.#audit.note(repositories, caller, {
      action: 'identity.linked',
      subject: { kind: 'user', id: user.id },
      detail: { provider, identity: id },
    });
  }
}

/** A text of another service as it is kept here; undefined where it is not allowed here. */
function orNothing(checked: (text: string) => string, text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : checked(text);
  } catch {
    return undefined;
  }
}

function signedOut(): OsproxyError {
  return new OsproxyError('Unauthenticated', 'The session that began this is over; sign in again.', {
    details: { reason: 'signed-out' },
  });
}

function linkedElsewhere(): OsproxyError {
  return new OsproxyError('Conflict', 'This identity is linked to another account already.', {
    details: { reason: 'linked-elsewhere' },
  });
}

function tooMany(): OsproxyError {
  return new OsproxyError('Conflict', `An account may have at most ${MOST_OF_USER} identities; unlink one.`, {
    details: { reason: 'too-many' },
  });
}

function lastWay(): OsproxyError {
  return new OsproxyError(
    'Conflict',
    'This is the only way you can sign in; set a password or link another identity before.',
    { details: { reason: 'last-way' } },
  );
}

function noAccount(): OsproxyError {
  return new OsproxyError(
    'PermissionDenied',
    'Nobody here knows you yet; sign in to your account and link this identity there, or ask an administrator for an account.',
    { details: { reason: 'no-account' } },
  );
}

function emailTaken(): OsproxyError {
  return new OsproxyError(
    'Conflict',
    'There is an account with this e-mail address; sign in to it and link this identity there.',
    { details: { reason: 'email-taken' } },
  );
}
