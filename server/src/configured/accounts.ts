import { availableParallelism } from 'node:os';
import type { Config } from '#config/config.ts';
import { tokenKeysOf } from '#config/token-keys.ts';
import type { Accounts } from '#core/accounts/accounts.ts';
import { Passwords } from '#core/accounts/passwords.ts';
import { SessionStates } from '#core/accounts/session-states.ts';
import { Sessions } from '#core/accounts/sessions.ts';
import { SignIn } from '#core/accounts/sign-in.ts';
import { Users } from '#core/accounts/users.ts';
import type { Clock } from '#core/ports/clock.ts';
import type { Coordinator } from '#core/ports/coordinator.ts';
import type { IdSource } from '#core/ports/ids.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { JoseAccessTokens } from '#drivers/access-tokens/jose.ts';
import type { Service } from '../commands/context.ts';

const HOUR_MS = 3_600_000;
/** Each takes 19 MiB and a thread that reads and writes of files need too. */
const MOST_HASHES_AT_ONCE = 4;
const MOST_WAITING_HASHES = 256;

interface AccountParts {
  readonly metadata: Metadata;
  readonly coordinator: Coordinator;
  readonly ids: IdSource;
  readonly clock: Clock;
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
  return {
    users,
    sessions,
    passwords,
    signIn: new SignIn({ ...parts, users, passwords, sessions }),
    publicKeys: () => tokens.publicKeys(),
    close: () => states.close(),
  };
}

/** Users as the commands name them; ids are made while `withIds` holds. */
export function commandUsers(
  { users }: Accounts,
  withIds: <T>(work: () => Promise<T>) => Promise<T>,
): Service['users'] {
  const idOf = async (name: string) => (await users.named(name)).id;
  return {
    create: (wanted) => withIds(() => users.create(wanted)),
    list: (after, limit) => users.list(after, limit),
    change: async (name, change) => users.change(await idOf(name), change),
    setPassword: async (name, password) => users.setPassword(await idOf(name), password),
    delete: async (name) => users.delete(await idOf(name)),
  };
}
