import { createHash, randomBytes } from 'node:crypto';
import type { AuditLog } from '../audit/audit-log.ts';
import { OsproxyError } from '../errors.ts';
import type { Caller } from '../model/audit.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';
import type { OneTimeCodes } from '../ports/one-time-codes.ts';
import { type Confirmation, holdConfirmed, type Shown } from './confirmation.ts';
import type { SignInLimits } from './sign-in-limits.ts';

const CODES = 10;
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';

export interface SecondFactorOptions {
  readonly metadata: Metadata;
  readonly confirmation: Confirmation;
  readonly limits: SignInLimits;
  readonly codes: OneTimeCodes;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** What somebody must show beside the password: the code of an authenticator app, or one of the recovery codes. */
export class SecondFactor {
  readonly #metadata: Metadata;
  readonly #confirmation: Confirmation;
  readonly #limits: SignInLimits;
  readonly #codes: OneTimeCodes;
  readonly #audit: AuditLog;
  readonly #clock: Clock;

  constructor(options: SecondFactorOptions) {
    this.#metadata = options.metadata;
    this.#confirmation = options.confirmation;
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

  /** A secret for the app; nothing is asked for before it is confirmed. Rejects as Confirmation does, and with Conflict where one is on already. */
  async begin(shown: Shown, account: string): Promise<{ readonly secret: string; readonly uri: string }> {
    const confirmed = await this.#confirmation.check(shown);
    const secret = this.#codes.newSecret();
    const now = this.#clock.now();
    const begun = await this.#metadata.transaction(async (repositories) => {
      await holdConfirmed(repositories, confirmed, now);
      return repositories.secondFactors.begin(shown.userId, secret, now);
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

  /** New recovery codes in place of the old ones. Rejects as Confirmation does, and with Conflict where no second factor is on. */
  async renewCodes(shown: Shown, caller: Caller): Promise<readonly string[]> {
    const { userId } = shown;
    const confirmed = await this.#confirmation.check(shown);
    const codes = newCodes();
    const now = this.#clock.now();
    await this.#metadata.transaction(async (repositories) => {
      const { secondFactors } = repositories;
      await holdConfirmed(repositories, confirmed, now);
      if ((await secondFactors.totp(userId))?.confirmedAt === undefined) throw notOn();
      await secondFactors.putRecoveryCodes(userId, hashesOf(userId, codes));
      const entry = { action: 'second-factor.renewed', subject: { kind: 'user', id: userId } } as const;
      await this.#audit.note(repositories, caller, entry);
    });
    return codes;
  }

  /** Rejects as Confirmation does. */
  async switchOff(shown: Shown, caller: Caller): Promise<void> {
    const confirmed = await this.#confirmation.check(shown);
    const now = this.#clock.now();
    await this.#remove(shown.userId, caller, (repositories) => holdConfirmed(repositories, confirmed, now));
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
