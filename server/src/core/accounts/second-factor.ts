import { createHash, randomBytes } from 'node:crypto';
import type { AuditLog } from '../audit/audit-log.ts';
import { OsproxyError } from '../errors.ts';
import type { Caller } from '../model/audit.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';
import type { OneTimeCodes } from '../ports/one-time-codes.ts';
import { holdUser } from './held-user.ts';
import type { Passwords } from './passwords.ts';
import type { SignInLimits } from './sign-in-limits.ts';

const CODES = 10;
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';

export interface SecondFactorOptions {
  readonly metadata: Metadata;
  readonly passwords: Passwords;
  readonly limits: SignInLimits;
  readonly codes: OneTimeCodes;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** What somebody must show beside the password: the code of an authenticator app, or one of the recovery codes. */
export class SecondFactor {
  readonly #metadata: Metadata;
  readonly #passwords: Passwords;
  readonly #limits: SignInLimits;
  readonly #codes: OneTimeCodes;
  readonly #audit: AuditLog;
  readonly #clock: Clock;

  constructor(options: SecondFactorOptions) {
    this.#metadata = options.metadata;
    this.#passwords = options.passwords;
    this.#limits = options.limits;
    this.#codes = options.codes;
    this.#audit = options.audit;
    this.#clock = options.clock;
  }

  async isOn(userId: string): Promise<boolean> {
    return (await this.#metadata.secondFactors.totp(userId))?.confirmedAt !== undefined;
  }

  recoveryCodesLeft(userId: string): Promise<number> {
    return this.#metadata.secondFactors.recoveryCodesLeft(userId);
  }

  /** A secret for the app; nothing is asked for before it is confirmed. Rejects with PermissionDenied for a wrong password, Conflict where one is on already. */
  async begin(
    userId: string,
    account: string,
    password: string,
  ): Promise<{ readonly secret: string; readonly uri: string }> {
    const kept = await this.#checkPassword(userId, password);
    const secret = this.#codes.newSecret();
    const now = this.#clock.now();
    const begun = await this.#metadata.transaction(async (repositories) => {
      await checkUnchanged(repositories, { userId, kept, field: 'password', now });
      return repositories.secondFactors.begin(userId, secret, now);
    });
    if (!begun) throw new OsproxyError('Conflict', 'There is a second factor already; switch it off first.');
    return { secret, uri: this.#codes.uri(secret, account) };
  }

  /** Switches it on with the first code of the app; returns the recovery codes, which are not kept. Rejects with PermissionDenied for a wrong code. */
  async confirm(userId: string, code: string, caller: Caller): Promise<readonly string[]> {
    await this.#limits.takeCode(userId, caller.origin.address);
    const now = this.#clock.now();
    const codes = newCodes();
    const outcome = await this.#metadata.transaction(async (repositories) => {
      const { secondFactors } = repositories;
      const totp = await secondFactors.totp(userId);
      if (totp === undefined || totp.confirmedAt !== undefined) return 'none';
      if (!(await this.#takeCode(repositories, userId, code, now))) return 'wrong';
      await secondFactors.confirm(userId, now);
      await secondFactors.putRecoveryCodes(userId, hashesOf(userId, codes));
      const entry = { action: 'second-factor.enabled', subject: { kind: 'user', id: userId } } as const;
      await this.#audit.note(repositories, caller, entry);
      return 'done';
    });
    if (outcome === 'none')
      throw new OsproxyError('Conflict', 'There is no second factor to confirm; begin anew.');
    if (outcome === 'wrong') throw wrongCode();
    await this.#limits.rightCode(userId, caller.origin.address);
    return codes;
  }

  /** New recovery codes in place of the old ones. Rejects with PermissionDenied for a wrong password, Conflict where no second factor is on. */
  async renewCodes(userId: string, password: string, caller: Caller): Promise<readonly string[]> {
    const kept = await this.#checkPassword(userId, password);
    const codes = newCodes();
    const now = this.#clock.now();
    await this.#metadata.transaction(async (repositories) => {
      const { secondFactors } = repositories;
      await checkUnchanged(repositories, { userId, kept, field: 'password', now });
      if ((await secondFactors.totp(userId))?.confirmedAt === undefined) throw notOn();
      await secondFactors.putRecoveryCodes(userId, hashesOf(userId, codes));
      const entry = { action: 'second-factor.renewed', subject: { kind: 'user', id: userId } } as const;
      await this.#audit.note(repositories, caller, entry);
    });
    return codes;
  }

  /** Rejects with PermissionDenied for a wrong password. */
  async switchOff(userId: string, password: string, caller: Caller): Promise<void> {
    const kept = await this.#checkPassword(userId, password);
    const now = this.#clock.now();
    await this.#remove(userId, caller, (repositories) =>
      checkUnchanged(repositories, { userId, kept, field: 'password', now }),
    );
  }

  /** For administrators, when somebody has lost app and codes. Rejects with Conflict where none is on. */
  async remove(userId: string, caller: Caller): Promise<void> {
    await this.#remove(userId, caller);
  }

  async #remove(
    userId: string,
    caller: Caller,
    check?: (repositories: MetadataWriter) => Promise<void>,
  ): Promise<void> {
    await this.#metadata.transaction(async (repositories) => {
      await check?.(repositories);
      if ((await repositories.secondFactors.totp(userId)) === undefined) throw notOn();
      await repositories.secondFactors.removeOfUser(userId);
      const entry = { action: 'second-factor.disabled', subject: { kind: 'user', id: userId } } as const;
      await this.#audit.note(repositories, caller, entry);
    });
  }

  /** Within a transaction, after `limits` counted the try: what the code was, undefined for a wrong one. Each is taken once. */
  async take(
    repositories: MetadataWriter,
    userId: string,
    code: string,
    now: number,
  ): Promise<'totp' | 'recovery' | undefined> {
    if ((await repositories.secondFactors.totp(userId))?.confirmedAt === undefined) return undefined;
    const typed = code.replaceAll(/[\s-]/g, '').toLowerCase();
    if (/^\d{6}$/.test(typed)) {
      return (await this.#takeCode(repositories, userId, typed, now)) ? 'totp' : undefined;
    }
    const hash = hashOfCode(userId, typed);
    return (await repositories.secondFactors.useRecoveryCode(userId, hash, now)) ? 'recovery' : undefined;
  }

  async #takeCode(
    { secondFactors }: MetadataWriter,
    userId: string,
    code: string,
    now: number,
  ): Promise<boolean> {
    const totp = await secondFactors.totp(userId);
    const step =
      totp === undefined ? undefined : this.#codes.stepOf(totp.secret, code.replaceAll(/\s/g, ''), now);
    return step !== undefined && secondFactors.takeStep(userId, step);
  }

  /** Resolves how it is kept, for checkUnchanged. */
  async #checkPassword(userId: string, password: string): Promise<string | undefined> {
    await this.#limits.takeFor('password', userId);
    const kept = await this.#metadata.users.password(userId);
    if (!(await this.#passwords.verify(password, kept))) throw wrongPassword('password');
    await this.#limits.rightFor('password', userId);
    return kept;
  }
}

interface CheckedPassword {
  readonly userId: string;
  /** How the password was kept that was found right. */
  readonly kept: string | undefined;
  /** What the password is called where it was typed. */
  readonly field: string;
  readonly now: number;
}

/** In the transaction that rests on a password: throws PermissionDenied where it is not the one that was checked before any more. */
export async function checkUnchanged(
  repositories: MetadataWriter,
  { userId, kept, field, now }: CheckedPassword,
): Promise<void> {
  await holdUser(repositories, userId, now);
  if ((await repositories.users.password(userId)) !== kept) throw wrongPassword(field);
}

export function wrongPassword(field: string): OsproxyError {
  return new OsproxyError('PermissionDenied', 'The password is wrong.', { details: { field } });
}

function wrongCode(): OsproxyError {
  return new OsproxyError('PermissionDenied', 'The code is wrong; wait for the next one and try again.', {
    details: { field: 'code' },
  });
}

function notOn(): OsproxyError {
  return new OsproxyError('Conflict', 'No second factor is switched on.');
}

/** Sixteen letters and digits that cannot be mistaken for each other: 80 random bits. */
function newCodes(): readonly string[] {
  return Array.from({ length: CODES }, () => {
    const text = Array.from(randomBytes(16), (byte) => ALPHABET[byte & 31]).join('');
    return text.replaceAll(/(.{4})(?=.)/g, '$1-');
  });
}

function hashesOf(userId: string, codes: readonly string[]): string[] {
  return codes.map((code) => hashOfCode(userId, code.replaceAll('-', '')));
}

function hashOfCode(userId: string, code: string): string {
  return createHash('sha256').update(`${userId}/${code}`).digest('hex');
}
