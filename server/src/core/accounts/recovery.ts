import type { AuditLog } from '../audit/audit-log.ts';
import { OsproxyError } from '../errors.ts';
import type { Caller } from '../model/audit.ts';
import type { Origin } from '../model/session.ts';
import { emailKeyOf, type User } from '../model/user.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { AccountMails } from './account-mails.ts';
import { callerOfUser, unknownCaller } from './callers.ts';
import { type Confirmation, holdConfirmed, type Shown } from './confirmation.ts';
import { holdUser } from './held-user.ts';
import { checkedEmail } from './name-rules.ts';
import { newOneTime, openOneTime } from './one-time.ts';
import type { SignInLimits } from './sign-in-limits.ts';
import type { Users } from './users.ts';

const RESET_MINUTES = 30;
const EMAIL_MINUTES = 24 * 60;
const MINUTE_MS = 60_000;
const PER_NETWORK = 20;
const MAILS_PER_USER = 3;

export interface RecoveryOptions {
  readonly metadata: Metadata;
  readonly users: Users;
  readonly confirmation: Confirmation;
  readonly mails: AccountMails;
  readonly limits: SignInLimits;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Forgotten passwords, and showing to have an e-mail address. */
export class Recovery {
  readonly #metadata: Metadata;
  readonly #users: Users;
  readonly #confirmation: Confirmation;
  readonly #mails: AccountMails;
  readonly #limits: SignInLimits;
  readonly #audit: AuditLog;
  readonly #clock: Clock;

  constructor(options: RecoveryOptions) {
    this.#metadata = options.metadata;
    this.#users = options.users;
    this.#confirmation = options.confirmation;
    this.#mails = options.mails;
    this.#limits = options.limits;
    this.#audit = options.audit;
    this.#clock = options.clock;
  }

  /**
   * Mails a link to the verified address of an active user. Nobody learns from the answer or its time whether there is such a user. Rejects with RateLimited
   * for a network that asks too often, Unsupported where no mail is sent.
   */
  async forgot(nameOrEmail: string, from: Origin): Promise<void> {
    if (!this.#mails.isOn)
      throw new OsproxyError('Unsupported', 'This service sends no mail; ask an administrator.');
    await this.#limits.takeOfNetwork('mail', from.address, PER_NETWORK);
    this.#mails.sendLater(async () => {
      const user = await this.#users.find(nameOrEmail);
      if (user?.email === undefined || user.emailVerifiedAt === undefined || user.state !== 'active')
        return undefined;
      await this.#limits.takeFor('reset', user.id, MAILS_PER_USER);
      const url = await this.#resetUrl(user, unknownCaller(from));
      return { kind: 'reset', to: user.email, name: user.displayName, url, minutes: RESET_MINUTES };
    });
  }

  /** For an administrator to hand over: good for thirty minutes, once. Rejects with NotFound. */
  async resetLink(
    userId: string,
    caller: Caller,
  ): Promise<{ readonly url: string; readonly expiresAt: number }> {
    const user = await this.#users.get(userId);
    const expiresAt = this.#clock.now() + RESET_MINUTES * MINUTE_MS;
    return { url: await this.#resetUrl(user, caller), expiresAt };
  }

  /** Sets the password and ends every session. Rejects with Expired for a link that is used or over, InvalidArgument for a password that nobody may choose. */
  async reset(secret: string, password: string, from: Origin): Promise<void> {
    const now = this.#clock.now();
    const { userId = '' } = await this.#metadata.transaction((r) => openOneTime(r, 'reset', secret, now));
    const user = await this.#users.get(userId);
    await this.#users.setPassword(userId, password, callerOfUser(user, from), async (repositories, at) => {
      const token = await openOneTime(repositories, 'reset', secret, at);
      await repositories.oneTimeTokens.use(token.id, at);
      const entry = { action: 'password.reset', subject: { kind: 'user', id: userId } } as const;
      await this.#audit.note(repositories, callerOfUser(user, from), entry);
    });
  }

  /**
   * Mails a link to an address; the account has it once the link was opened. Rejects as Confirmation does, and with RateLimited, and
   * Unsupported where no mail is sent. Nobody learns whether somebody else has the address.
   */
  async askForEmail(shown: Shown, email: string): Promise<void> {
    const { userId } = shown;
    const address = checkedEmail(email);
    const confirmed = await this.#confirmation.check(shown);
    const user = await this.#users.get(userId);
    await this.#limits.takeFor('email', userId);
    const other = await this.#users.find(address);
    if (other !== undefined && other.id !== userId) {
      await this.#mails.send({ kind: 'taken', to: address });
      return;
    }
    const now = this.#clock.now();
    const expiresAt = now + EMAIL_MINUTES * MINUTE_MS;
    const { token, secret } = newOneTime({ kind: 'email', userId, data: { email: address }, now, expiresAt });
    await this.#metadata.transaction(async (repositories) => {
      await holdConfirmed(repositories, confirmed, now);
      await repositories.oneTimeTokens.removeOfUser(userId, 'email');
      await repositories.oneTimeTokens.insert(token);
    });
    const url = this.#mails.urlOf('verify-email', secret);
    await this.#mails.send({
      kind: 'email',
      to: address,
      name: user.displayName,
      url,
      minutes: EMAIL_MINUTES,
    });
  }

  /** Rejects with Expired for a link that is used or over, AlreadyExists where somebody else has the address by now. */
  async verifyEmail(secret: string, from: Origin): Promise<void> {
    const now = this.#clock.now();
    await this.#metadata.transaction(async (repositories) => {
      const token = await openOneTime(repositories, 'email', secret, now);
      const user = token.userId === undefined ? undefined : await repositories.users.lock(token.userId);
      if (user === undefined) throw new OsproxyError('Expired', 'The account of this link is gone.');
      const email = String(token.data.email);
      await repositories.oneTimeTokens.use(token.id, now);
      // Links that went to another address must not set the password any more.
      if (user.email === undefined || emailKeyOf(user.email) !== emailKeyOf(email)) {
        await repositories.oneTimeTokens.removeOfUser(user.id, 'reset');
      }
      await repositories.users.update({ ...user, email, emailVerifiedAt: now, updatedAt: now });
      const entry = { action: 'user.changed', subject: { kind: 'user', id: user.id } } as const;
      await this.#audit.note(repositories, callerOfUser(user, from), { ...entry, detail: { email } });
    });
  }

  async #resetUrl(user: User, caller: Caller): Promise<string> {
    const now = this.#clock.now();
    const expiresAt = now + RESET_MINUTES * MINUTE_MS;
    const { token, secret } = newOneTime({ kind: 'reset', userId: user.id, now, expiresAt });
    await this.#metadata.transaction(async (repositories) => {
      const current = await holdUser(repositories, user.id, now);
      if (current?.email !== user.email || current?.authEpoch !== user.authEpoch) throw changedMeanwhile();
      await repositories.oneTimeTokens.insert(token);
      const entry = { action: 'password.reset-asked', subject: { kind: 'user', id: user.id } } as const;
      await this.#audit.note(repositories, caller, entry);
    });
    return this.#mails.urlOf('reset-password', secret);
  }
}

function changedMeanwhile(): OsproxyError {
  return new OsproxyError('Conflict', 'The account was changed at this moment; try again.');
}
