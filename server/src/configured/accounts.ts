import { availableParallelism } from 'node:os';
import type { Config } from '#config/config.ts';
import { tokenKeysOf } from '#config/token-keys.ts';
import { AccountMails } from '#core/accounts/account-mails.ts';
import type { Accounts } from '#core/accounts/accounts.ts';
import { Confirmation } from '#core/accounts/confirmation.ts';
import { Passwords } from '#core/accounts/passwords.ts';
import { Recovery } from '#core/accounts/recovery.ts';
import { SecondFactor } from '#core/accounts/second-factor.ts';
import { SessionStates } from '#core/accounts/session-states.ts';
import { Sessions } from '#core/accounts/sessions.ts';
import { SetUp } from '#core/accounts/set-up.ts';
import { SignIn } from '#core/accounts/sign-in.ts';
import { SignInLimits } from '#core/accounts/sign-in-limits.ts';
import { SignUp } from '#core/accounts/sign-up.ts';
import { Users } from '#core/accounts/users.ts';
import type { AuditLog } from '#core/audit/audit-log.ts';
import { COMMAND } from '#core/audit/caller.ts';
import type { Clock } from '#core/ports/clock.ts';
import type { Coordinator } from '#core/ports/coordinator.ts';
import type { IdSource } from '#core/ports/ids.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { Mailer } from '#core/ports/mailer.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { JoseAccessTokens } from '#drivers/access-tokens/jose.ts';
import { otpauthCodes } from '#drivers/one-time-codes/otpauth.ts';
import type { Service } from '../commands/context.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Each takes 19 MiB and a thread that reads and writes of files need too. */
const MOST_HASHES_AT_ONCE = 4;
const MOST_WAITING_HASHES = 256;

interface AccountParts {
  readonly metadata: Metadata;
  readonly coordinator: Coordinator;
  readonly ids: IdSource;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly mailer: Mailer | undefined;
}

/** People as the configuration wants them. */
export function configuredAccounts(config: Config, parts: AccountParts): Accounts {
  const { accessTokenSeconds, refreshHours, sessionHours, passwordMinLength } = config.accounts;
  const states = new SessionStates(parts.metadata, parts.coordinator);
  const passwords = new Passwords({
    minLength: passwordMinLength,
    atOnce: Math.max(1, Math.min(MOST_HASHES_AT_ONCE, availableParallelism() - 1)),
    mostWaiting: MOST_WAITING_HASHES,
  });
  const issuer = config.publicUrl ?? 'osproxy';
  const tokens = new JoseAccessTokens({ keys: tokenKeysOf(config), issuer, clock: parts.clock });
  const times = {
    accessMs: accessTokenSeconds * 1000,
    refreshMs: refreshHours * HOUR_MS,
    sessionMs: sessionHours * HOUR_MS,
  };
  const users = new Users({ ...parts, passwords, states });
  const sessions = new Sessions({ ...parts, states, tokens, times });
  const { failuresPerAccount, failuresPerAddress, lockoutMinutes } = config.accounts;
  const rules = {
    perAccount: failuresPerAccount,
    perAddress: failuresPerAddress,
    windowMs: lockoutMinutes * MINUTE_MS,
  };
  const limits = new SignInLimits(parts.metadata, parts.clock, rules);
  const confirmation = new Confirmation({ ...parts, passwords, limits });
  const secondFactor = new SecondFactor({ ...parts, confirmation, limits, codes: otpauthCodes });
  const mails = new AccountMails(parts.mailer, config.publicUrl, parts.logger);
  const { signUp: mode, signUpDomains } = config.accounts;
  const policy = { mode, domains: signUpDomains.map((domain) => domain.toLowerCase()) };
  return {
    users,
    sessions,
    passwords,
    secondFactor,
    confirmation,
    signUp: new SignUp({ ...parts, users, sessions, mails, limits, policy }),
    recovery: new Recovery({ ...parts, users, confirmation, mails, limits }),
    setUp: new SetUp({ ...parts, users, sessions }),
    signIn: new SignIn({ ...parts, users, passwords, sessions, limits, secondFactor, confirmation }),
    sendsMail: mails.isOn,
    passwordMinLength,
    publicKeys: () => tokens.publicKeys(),
    close: () => {
      states.close();
      mails.close();
    },
  };
}

/** Users as the commands name them; ids are made while `withIds` holds. */
export function commandUsers(
  { users, setUp, recovery }: Accounts,
  withIds: <T>(work: () => Promise<T>) => Promise<T>,
): Service['users'] {
  const idOf = async (name: string) => (await users.named(name)).id;
  return {
    create: (wanted) => withIds(() => users.create(wanted, undefined, COMMAND)),
    list: (after, limit) => users.list(after, limit),
    newSetUpToken: () => setUp.newLink(),
    change: async (name, change) => users.change(await idOf(name), change, COMMAND),
    setPassword: async (name, password) => users.setPassword(await idOf(name), password, COMMAND),
    resetLink: async (name) => recovery.resetLink(await idOf(name), COMMAND),
    delete: async (name) => users.delete(await idOf(name), COMMAND),
  };
}
