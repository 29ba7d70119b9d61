import type { AuditLog } from '../audit/audit-log.ts';
import { OsproxyError } from '../errors.ts';
import type { Caller } from '../model/audit.ts';
import type { OneTimeToken } from '../model/one-time-token.ts';
import type { Origin } from '../model/session.ts';
import { emailKeyOf, type Role, type User } from '../model/user.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';
import type { AccountMails } from './account-mails.ts';
import { unknownCaller } from './callers.ts';
import { holdUser } from './held-user.ts';
import { checkedEmail } from './name-rules.ts';
import { newOneTime, openOneTime } from './one-time.ts';
import type { Sessions, SignedIn } from './sessions.ts';
import type { SignInLimits } from './sign-in-limits.ts';
import type { NewUser, Users } from './users.ts';

const HOUR_MS = 3_600_000;
const MOST_LISTED = 1000;
/** Accounts and mails that one network may ask for within the window of wrong passwords. */
const PER_NETWORK = 20;

/** closed: administrators make accounts; invite: they also invite; domain: also whoever shows to have an address of a domain; open: everybody. */
export const SIGN_UP_MODES = ['closed', 'invite', 'domain', 'open'] as const;
type SignUpMode = (typeof SIGN_UP_MODES)[number];

export interface SignUpPolicy {
  readonly mode: SignUpMode;
  /** Lower case. */
  readonly domains: readonly string[];
}

export interface NewInvite {
  /** The account gets this address; the mail goes there where mail is sent. */
  readonly email?: string | undefined;
  readonly role?: Role | undefined;
  readonly groupId?: string | undefined;
  /** 1 to 720. */
  readonly expiresInHours: number;
}

/** What an invitation gives; the secret is shown once. */
export interface Invite {
  readonly id: string;
  readonly email: string | undefined;
  readonly role: Role;
  readonly groupId: string | undefined;
  /** Id of the administrator who made it; undefined where a service or nobody did. */
  readonly invitedBy: string | undefined;
  readonly createdAt: number;
  readonly expiresAt: number;
}

interface InviteData {
  readonly email?: string;
  readonly role: Role;
  readonly groupId?: string;
  /** True when the secret went to the address and nowhere else, so that having it shows to have the address. */
  readonly byMailOnly: boolean;
}

export interface SignUpOptions {
  readonly metadata: Metadata;
  readonly users: Users;
  readonly sessions: Sessions;
  readonly mails: AccountMails;
  readonly limits: SignInLimits;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly policy: SignUpPolicy;
}

/** How people without an account get one by themselves. */
export class SignUp {
  readonly #metadata: Metadata;
  readonly #users: Users;
  readonly #sessions: Sessions;
  readonly #mails: AccountMails;
  readonly #limits: SignInLimits;
  readonly #audit: AuditLog;
  readonly #clock: Clock;
  readonly policy: SignUpPolicy;

  constructor(options: SignUpOptions) {
    this.#metadata = options.metadata;
    this.#users = options.users;
    this.#sessions = options.sessions;
    this.#mails = options.mails;
    this.#limits = options.limits;
    this.#audit = options.audit;
    this.#clock = options.clock;
    this.policy = options.policy;
  }

  /** Whether somebody without an invitation may have an account, knowing that the address is right; for sign-in by identity providers as well. */
  admits(verifiedEmail: string | undefined): boolean {
    const { mode, domains } = this.policy;
    if (mode === 'open') return true;
    if (mode !== 'domain' || verifiedEmail === undefined) return false;
    const domain = emailKeyOf(verifiedEmail).split('@').at(-1) ?? '';
    return domains.includes(domain);
  }

  /**
   * Makes the account and signs in. Rejects with PermissionDenied where sign-up is not open and no invitation was shown, Expired for an invitation that is
   * used or over, AlreadyExists for a taken name, RateLimited for a network that asks too often.
   */
  async signUp(
    wanted: Pick<NewUser, 'name' | 'password' | 'displayName'>,
    invite: string | undefined,
    from: Origin,
  ): Promise<SignedIn> {
    if (invite === undefined && this.policy.mode !== 'open') throw this.#notOpen();
    if (invite !== undefined && this.policy.mode === 'closed') throw this.#notOpen();
    await this.#limits.takeOfNetwork('sign-up', from.address, PER_NETWORK);
    const user =
      invite === undefined ? await this.#create(wanted, from) : await this.#join(wanted, invite, from);
    return this.#sessions.begin(user, 'sign-up', from);
  }

  /**
   * Sends an invitation to an address of an allowed domain. Nobody learns from the answer whether it did. Rejects with PermissionDenied where
   * addresses do not open anything, InvalidArgument for what is no address of an allowed domain, Unsupported where no mail is sent.
   */
  async ask(email: string, from: Origin): Promise<void> {
    if (this.policy.mode !== 'domain') throw this.#notOpen();
    const address = checkedEmail(email);
    if (!this.admits(address)) {
      const domains = this.policy.domains.join(', ');
      throw new OsproxyError('InvalidArgument', `The address must be of one of these domains: ${domains}.`, {
        details: { field: 'email' },
      });
    }
    if (!this.#mails.isOn)
      throw new OsproxyError('Unsupported', 'This service sends no mail; ask an administrator.');
    await this.#limits.takeOfNetwork('mail', from.address, PER_NETWORK);
    await this.#limits.takeFor('mail', emailKeyOf(address));
    this.#mails.sendLater(async () => {
      if ((await this.#users.find(address)) !== undefined) return { kind: 'taken', to: address };
      const data: InviteData = { email: address, role: 'member', byMailOnly: true };
      const { secret } = await this.#insert(data, HOUR_MS);
      return { kind: 'invite', to: address, url: this.#mails.urlOf('invite', secret), minutes: 60 };
    });
  }

  /** By an administrator. Where mail is sent and there is an address, only the mail has the secret. It is void once who made it is no administrator any more. Rejects with PermissionDenied where sign-up is closed. */
  async invite(
    wanted: NewInvite,
    caller: Caller,
  ): Promise<{ readonly invite: Invite; readonly url: string | undefined }> {
    if (this.policy.mode === 'closed') {
      throw new OsproxyError(
        'PermissionDenied',
        'Sign-up is closed; make the account, or set accounts.signUp to "invite".',
      );
    }
    const email = wanted.email === undefined ? undefined : checkedEmail(wanted.email);
    if (email !== undefined && (await this.#users.find(email)) !== undefined) {
      throw new OsproxyError('AlreadyExists', `Somebody has an account with the address ${email}.`);
    }
    const byMail = email !== undefined && this.#mails.isOn;
    const data: InviteData = {
      ...(email === undefined ? {} : { email }),
      ...{ role: wanted.role ?? 'member', byMailOnly: byMail },
      ...(wanted.groupId === undefined ? {} : { groupId: wanted.groupId }),
    };
    const { token, secret } = await this.#insert(data, wanted.expiresInHours * HOUR_MS, caller);
    const url = this.#mails.urlOf('invite', secret);
    if (!byMail) return { invite: inviteOf(token), url };
    const minutes = wanted.expiresInHours * 60;
    await this.#mails.send({ kind: 'invite', to: email, url, minutes }).catch(async (error: unknown) => {
      await this.#metadata.transaction((r) => r.oneTimeTokens.remove('invite', token.id));
      throw error;
    });
    return { invite: inviteOf(token), url: undefined };
  }

  /** Those that may still be used, at most a thousand, newest first. */
  async invites(): Promise<readonly Invite[]> {
    const open = await this.#metadata.oneTimeTokens.open('invite', this.#clock.now(), MOST_LISTED);
    return open.map(inviteOf).sort((a, b) => b.createdAt - a.createdAt);
  }

  /** Rejects with NotFound. */
  async revoke(id: string, caller: Caller): Promise<void> {
    const found = await this.#metadata.transaction(async (repositories) => {
      if (!(await repositories.oneTimeTokens.remove('invite', id))) return false;
      const entry = { action: 'user.uninvited', subject: { kind: 'user' }, detail: { invite: id } } as const;
      await this.#audit.note(repositories, caller, entry);
      return true;
    });
    if (!found) throw new OsproxyError('NotFound', `There is no invitation ${id}.`, { details: { id } });
  }

  #create(wanted: Pick<NewUser, 'name' | 'password' | 'displayName'>, from: Origin): Promise<User> {
    return this.#users.create(wanted, undefined, unknownCaller(from));
  }

  /** The invitation is used and the account made together, or neither. */
  async #join(
    wanted: Pick<NewUser, 'name' | 'password' | 'displayName'>,
    secret: string,
    from: Origin,
  ): Promise<User> {
    const token = await this.#metadata.transaction((r) =>
      openOneTime(r, 'invite', secret, this.#clock.now()),
    );
    const { email, role, groupId, byMailOnly } = token.data as unknown as InviteData;
    const user = { ...wanted, email, role, groupId, emailIsVerified: byMailOnly };
    return this.#users.create(
      user,
      async (_created, repositories, now) => {
        const current = await openOneTime(repositories, 'invite', secret, now);
        await repositories.oneTimeTokens.use(current.id, now);
      },
      unknownCaller(from),
    );
  }

  async #insert(data: InviteData, lifeMs: number, caller?: Caller) {
    const now = this.#clock.now();
    const userId = caller?.actor.kind === 'person' ? caller.actor.id : undefined;
    const made = newOneTime({ kind: 'invite', userId, data: { ...data }, now, expiresAt: now + lifeMs });
    await this.#metadata.transaction(async (repositories) => {
      if (userId !== undefined) await checkAdmin(repositories, userId, now);
      await repositories.oneTimeTokens.insert(made.token);
      if (caller === undefined) return;
      const { email, role, groupId } = data;
      const detail = { invite: made.token.id, email, role, groupId };
      await this.#audit.note(repositories, caller, {
        action: 'user.invited',
        subject: { kind: 'user' },
        detail,
      });
    });
    return made;
  }

  #notOpen(): OsproxyError {
    const hint = {
      closed: 'ask an administrator for an account',
      invite: 'ask an administrator for an invitation',
      domain: 'ask for an invitation to your address first',
      open: 'sign up without an invitation',
    } as const;
    return new OsproxyError('PermissionDenied', `Sign-up is not open here; ${hint[this.policy.mode]}.`);
  }
}

/** Whoever stops being an administrator at this moment leaves no invitation behind. */
async function checkAdmin(repositories: MetadataWriter, userId: string, now: number): Promise<void> {
  const maker = await holdUser(repositories, userId, now);
  if (maker?.role === 'admin' && maker.state === 'active') return;
  throw new OsproxyError('PermissionDenied', 'Only administrators invite.');
}

function inviteOf({ id, data, userId, createdAt, expiresAt }: OneTimeToken): Invite {
  const { email, role, groupId } = data as unknown as InviteData;
  return { id, email, role, groupId, invitedBy: userId, createdAt, expiresAt };
}
