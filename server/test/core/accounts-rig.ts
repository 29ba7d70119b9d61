import { AccountMails } from '#core/accounts/account-mails.ts';
import { Confirmation } from '#core/accounts/confirmation.ts';
import { Passwords } from '#core/accounts/passwords.ts';
import { Recovery } from '#core/accounts/recovery.ts';
import { SecondFactor } from '#core/accounts/second-factor.ts';
import { SessionStates } from '#core/accounts/session-states.ts';
import { Sessions } from '#core/accounts/sessions.ts';
import { SignIn } from '#core/accounts/sign-in.ts';
import { SignInLimits } from '#core/accounts/sign-in-limits.ts';
import { SignUp } from '#core/accounts/sign-up.ts';
import { Users } from '#core/accounts/users.ts';
import { AuditLog } from '#core/audit/audit-log.ts';
import type { AccessClaims } from '#core/ports/access-tokens.ts';
import type { Mail } from '#core/ports/mailer.ts';
import { otpauthCodes } from '#drivers/one-time-codes/otpauth.ts';
import { newId } from '#test/contracts/metadata-samples.ts';
import { createMetadata } from '#test/contracts/metadata-temporary.ts';
import { silentLogger } from '#test/silent-logger.ts';

const MINUTE = 60_000;

/** Passwords where somebody else can act between the check of one and what follows it. */
class WatchedPasswords extends Passwords {
  /** Called once, after the next check. */
  afterVerify: (() => Promise<unknown>) | undefined;

  override async verify(password: string, kept: string | undefined): Promise<boolean> {
    const right = await super.verify(password, kept);
    const then = this.afterVerify;
    this.afterVerify = undefined;
    await then?.();
    return right;
  }
}

/** The services of people on an SQLite database of their own, with every mail that they sent. */
export async function accountsRig() {
  const { metadata, dispose } = await createMetadata();
  let aheadMs = 0;
  const clock = { now: () => Date.now() + aheadMs };
  const nobody = { publish: async () => {}, subscribe: () => () => {} } as never;
  const mails: Mail[] = [];
  const mailer = {
    send: async (mail: Mail) => void mails.push(mail),
    check: async () => 'here',
    close: () => {},
  };
  const states = new SessionStates(metadata, nobody);
  const audit = new AuditLog({ metadata, clock, logger: silentLogger });
  const passwords = new WatchedPasswords({ minLength: 8, atOnce: 2, mostWaiting: 32 });
  const limits = new SignInLimits(metadata, clock, { perAccount: 4, perAddress: 100, windowMs: 15 * MINUTE });
  const tokens = {
    sign: async (claims: AccessClaims) => JSON.stringify(claims),
    verify: async (token: string) => JSON.parse(token) as AccessClaims,
    publicKeys: () => ({}),
  };
  const times = { accessMs: 15 * MINUTE, refreshMs: 1440 * MINUTE, sessionMs: 4320 * MINUTE };
  const confirmation = new Confirmation({ metadata, passwords, limits, audit, clock });
  const parts = { metadata, clock, audit, passwords, states, limits, confirmation, ids: { next: newId } };
  const users = new Users(parts);
  const sessions = new Sessions({ ...parts, tokens, times });
  const secondFactor = new SecondFactor({ ...parts, codes: otpauthCodes });
  const accountMails = new AccountMails(mailer, 'https://files.example', silentLogger);
  const policy = { mode: 'invite', domains: [] } as const;
  return {
    ...{ metadata, users, sessions, secondFactor, confirmation, limits, passwords, dispose },
    now: clock.now,
    audited: (action: string) => audit.list({ action }, undefined, 10),
    goAhead: (ms: number) => {
      aheadMs += ms;
    },
    signIn: new SignIn({ ...parts, users, sessions, secondFactor }),
    recovery: new Recovery({ ...parts, users, mails: accountMails }),
    signUp: new SignUp({ ...parts, users, sessions, mails: accountMails, policy }),
    /** The secret of the link in the newest mail. */
    mailedSecret: () => /#(\S+)/.exec(mails.at(-1)?.text ?? '')?.[1] ?? '',
  };
}

export type AccountsRig = Awaited<ReturnType<typeof accountsRig>>;
