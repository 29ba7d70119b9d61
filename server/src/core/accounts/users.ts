import type { AuditLog } from '../audit/audit-log.ts';
import { OsproxyError } from '../errors.ts';
import { holdGroup } from '../groups.ts';
import type { Caller, NewAuditEntry } from '../model/audit.ts';
import type { Role, User, UserState } from '../model/user.ts';
import { emailKeyOf, nameKeyOf } from '../model/user.ts';
import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/ids.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';
import { SYSTEM } from './callers.ts';
import { checkedDisplayName, checkedEmail, checkedName } from './name-rules.ts';
import type { Passwords } from './passwords.ts';
import type { SessionStates } from './session-states.ts';
import { endEverySession } from './sessions.ts';

export interface NewUser {
  readonly name: string;
  /** Without one nobody can sign in by password. */
  readonly password?: string | undefined;
  readonly email?: string | undefined;
  /** True where whoever asks for the user knows the address to be right. */
  readonly emailIsVerified?: boolean;
  /** The name, where it is left out. */
  readonly displayName?: string | undefined;
  /** Member, where it is left out. */
  readonly role?: Role | undefined;
  readonly groupId?: string | undefined;
  readonly quotaBytes?: number | undefined;
}

/** What is left out stays; null takes away. */
export interface UserChange {
  readonly name?: string | undefined;
  readonly email?: string | null | undefined;
  readonly displayName?: string | undefined;
  readonly role?: Role | undefined;
  readonly state?: UserState | undefined;
  readonly groupId?: string | null | undefined;
  readonly quotaBytes?: number | null | undefined;
}

/** Called in the transaction that removes a user, so that what belonged to the user goes with it or is left to a task. */
export type UserDeletedHook = (user: User, repositories: MetadataWriter, now: number) => Promise<void>;

/** Called in the transaction that makes a user; throws to refuse it. */
export type UserCreatedHook = (user: User, repositories: MetadataWriter, now: number) => Promise<void>;

export interface UsersOptions {
  readonly metadata: Metadata;
  readonly passwords: Passwords;
  readonly states: SessionStates;
  readonly ids: IdSource;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

export interface UserPage {
  readonly users: readonly User[];
  /** The id to go on after. */
  readonly next: string | undefined;
}

/** Everybody who has an account. Whatever takes a right away ends sessions at once. */
export class Users {
  readonly #metadata: Metadata;
  readonly #passwords: Passwords;
  readonly #states: SessionStates;
  readonly #ids: IdSource;
  readonly #audit: AuditLog;
  readonly #clock: Clock;
  readonly #deleted: UserDeletedHook[] = [];

  constructor(options: UsersOptions) {
    this.#metadata = options.metadata;
    this.#passwords = options.passwords;
    this.#states = options.states;
    this.#ids = options.ids;
    this.#audit = options.audit;
    this.#clock = options.clock;
  }

  /** Hooks run in the order in which they were added. */
  onDeleted(hook: UserDeletedHook): void {
    this.#deleted.push(hook);
  }

  /** Rejects with AlreadyExists when the name or the e-mail address is taken, InvalidArgument for what is not allowed; `within` runs in the same transaction. */
  async create(wanted: NewUser, within?: UserCreatedHook, caller = SYSTEM): Promise<User> {
    const now = this.#clock.now();
    const name = checkedName(wanted.name);
    const email = wanted.email === undefined ? undefined : checkedEmail(wanted.email);
    const user: User = {
      ...{ id: this.#ids.next(), name, email },
      emailVerifiedAt: email !== undefined && wanted.emailIsVerified === true ? now : undefined,
      displayName: wanted.displayName === undefined ? name : checkedDisplayName(wanted.displayName),
      ...{ role: wanted.role ?? 'member', state: 'active' },
      ...{ groupId: wanted.groupId, quotaBytes: checkedQuota(wanted.quotaBytes), authEpoch: 0 },
      ...{ createdAt: now, updatedAt: now, lastSignInAt: undefined },
    };
    const { password } = wanted;
    if (password !== undefined) this.#passwords.check(password, [name, email]);
    const kept = password === undefined ? undefined : await this.#passwords.hash(password);
    await this.#metadata.transaction(async (repositories) => {
      await holdGroup(repositories, user.groupId, now);
      await repositories.users.insert(user, kept);
      await within?.(user, repositories, now);
      await this.#note(repositories, caller, 'user.created', user.id, { name, role: user.role });
    });
    return user;
  }

  /** Rejects with NotFound. */
  async get(id: string): Promise<User> {
    const user = /^[1-9]\d{0,18}$/.test(id) ? await this.#metadata.users.find(id) : undefined;
    if (user === undefined) throw unknownUser(id);
    return user;
  }

  /** By login name or, with an "@" in it, by e-mail address. */
  find(nameOrEmail: string): Promise<User | undefined> {
    const key = keyOfTyped(nameOrEmail);
    return key.includes('@') ? this.#metadata.users.findByEmail(key) : this.#metadata.users.findByName(key);
  }

  /** By login name, e-mail address or id. Rejects with NotFound. */
  async named(text: string): Promise<User> {
    const user = (await this.find(text)) ?? (/^[1-9]\d{9,18}$/.test(text) ? await this.get(text) : undefined);
    if (user === undefined) throw unknownUser(text);
    return user;
  }

  /** By id, ascending; `after` exclusive. */
  async list(after: string | undefined, limit: number): Promise<UserPage> {
    const users = await this.#metadata.users.list(after, limit + 1);
    return { users: users.slice(0, limit), next: users.length > limit ? users[limit - 1]?.id : undefined };
  }

  /** Those whose login name begins so. */
  startingWith(prefix: string, limit: number): Promise<readonly User[]> {
    return this.#metadata.users.startingWith(nameKeyOf(prefix), limit);
  }

  /** True when there is anybody. */
  any(): Promise<boolean> {
    return this.#metadata.users.any();
  }

  /**
   * Rejects with NotFound, AlreadyExists, InvalidArgument, and with Conflict for the last administrator. Another e-mail address is not verified.
   * Disabling a user and changing the role end every session of the user; disabling and another address void the links that are open; who is no administrator any more has no invitations.
   */
  async change(id: string, change: UserChange, caller = SYSTEM): Promise<User> {
    const now = this.#clock.now();
    await this.get(id);
    let ends = false;
    const changed = await this.#metadata.transaction(async (repositories) => {
      const before = await repositories.users.lock(id);
      if (before === undefined) throw unknownUser(id);
      const after = { ...changedUser(before, change), updatedAt: now };
      const demoted = before.role === 'admin' && before.state === 'active';
      if (demoted && (after.role !== 'admin' || after.state !== 'active')) {
        await refuseForLastAdmin(repositories, before);
      }
      if (after.groupId !== before.groupId) await holdGroup(repositories, after.groupId, now);
      await repositories.users.update(after);
      ends = after.state !== before.state || after.role !== before.role;
      const kept = ends ? await endEverySession(repositories, id, now) : after;
      await voidLinks(repositories, before, after);
      await this.#note(repositories, caller, 'user.changed', id, { ...change });
      return kept ?? after;
    });
    if (ends) await this.#states.changed();
    return changed;
  }

  /** Ends every session of the user and voids open links. Rejects with NotFound, and with InvalidArgument for a password that nobody may choose; `within` runs in the same transaction, first. */
  async setPassword(
    id: string,
    password: string,
    caller = SYSTEM,
    within?: (repositories: MetadataWriter, now: number) => Promise<void>,
  ): Promise<User> {
    const user = await this.get(id);
    this.#passwords.check(password, [user.name, user.email]);
    const kept = await this.#passwords.hash(password);
    const now = this.#clock.now();
    const changed = await this.#metadata.transaction(async (repositories) => {
      if ((await repositories.users.lock(id)) === undefined) throw unknownUser(id);
      await within?.(repositories, now);
      await repositories.users.setPassword(id, kept, now);
      await repositories.oneTimeTokens.removeOfUser(id, 'reset');
      await this.#note(repositories, caller, 'password.changed', id, {});
      return (await endEverySession(repositories, id, now)) ?? user;
    });
    await this.#states.changed();
    return changed;
  }

  /** With everything of the user. Rejects with NotFound, and with Conflict for the last administrator. */
  async delete(id: string, caller = SYSTEM): Promise<void> {
    const now = this.#clock.now();
    await this.get(id);
    await this.#metadata.transaction(async (repositories) => {
      const user = await repositories.users.lock(id);
      if (user === undefined) throw unknownUser(id);
      if (user.role === 'admin' && user.state === 'active') await refuseForLastAdmin(repositories, user);
      for (const hook of this.#deleted) await hook(user, repositories, now);
      await repositories.oneTimeTokens.removeOfUser(id);
      await repositories.secondFactors.removeOfUser(id);
      await repositories.sessions.removeOfUser(id);
      await repositories.users.remove(id);
      await this.#note(repositories, caller, 'user.deleted', id, { name: user.name });
    });
    await this.#states.changed();
  }

  #note(
    repositories: MetadataWriter,
    caller: Caller,
    action: NewAuditEntry['action'],
    id: string,
    detail: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    return this.#audit.note(repositories, caller, { action, subject: { kind: 'user', id }, detail });
  }
}

/** What is looked for where somebody types a login name or an e-mail address: whatever finds the same user has the same key. */
export function keyOfTyped(nameOrEmail: string): string {
  const text = nameOrEmail.trim();
  return text.includes('@') ? emailKeyOf(text) : nameKeyOf(text);
}

/** Links that went to an address do not outlive it, a disabled account has none, and only administrators have invitations open. */
async function voidLinks({ oneTimeTokens }: MetadataWriter, before: User, after: User): Promise<void> {
  if (after.role !== 'admin' || after.state !== 'active')
    await oneTimeTokens.removeOfUser(after.id, 'invite');
  const moved = keyOfEmail(before) !== keyOfEmail(after);
  if (!moved && after.state === before.state) return;
  await oneTimeTokens.removeOfUser(after.id, 'reset');
  await oneTimeTokens.removeOfUser(after.id, 'email');
  await oneTimeTokens.removeOfUser(after.id, 'challenge');
}

function keyOfEmail({ email }: User): string | undefined {
  return email === undefined ? undefined : emailKeyOf(email);
}

/** Written by everybody who takes an administrator away, so that two at once do not leave none. */
async function refuseForLastAdmin({ users }: MetadataWriter, { id, name }: User): Promise<void> {
  const others: User[] = [];
  for (const admin of await users.admins(100)) {
    const locked = await users.lock(admin.id);
    if (locked?.role === 'admin' && locked.state === 'active' && locked.id !== id) others.push(locked);
  }
  if (others.length > 0) return;
  throw new OsproxyError(
    'Conflict',
    `${name} is the only administrator; make somebody else an administrator first.`,
    { details: { userId: id } },
  );
}

function changedUser(user: User, change: UserChange): User {
  const { name, email, displayName, role, state, groupId, quotaBytes } = change;
  const address = email === undefined ? user.email : email === null ? undefined : checkedEmail(email);
  const same = address !== undefined && emailKeyOf(address) === keyOfEmail(user);
  return {
    ...user,
    name: name === undefined ? user.name : checkedName(name),
    email: address,
    emailVerifiedAt: same ? user.emailVerifiedAt : undefined,
    displayName: displayName === undefined ? user.displayName : checkedDisplayName(displayName),
    role: role ?? user.role,
    state: state ?? user.state,
    groupId: groupId === undefined ? user.groupId : (groupId ?? undefined),
    quotaBytes: quotaBytes === undefined ? user.quotaBytes : checkedQuota(quotaBytes ?? undefined),
  };
}

function checkedQuota(bytes: number | undefined): number | undefined {
  if (bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0)) return bytes;
  throw new OsproxyError('InvalidArgument', 'A quota must be a whole number of bytes, 0 or more.', {
    details: { field: 'quotaBytes' },
  });
}

function unknownUser(id: string): OsproxyError {
  return new OsproxyError('NotFound', `There is no user ${id}.`, { details: { id } });
}
