import type { Passwords } from './passwords.ts';
import type { Sessions } from './sessions.ts';
import type { SignIn } from './sign-in.ts';
import type { Users } from './users.ts';

/** People: who has an account, how they get in, and where they are signed in. */
export interface Accounts {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly signIn: SignIn;
  /** Hashes passwords of whatever kind, so many at once. */
  readonly passwords: Passwords;
  /** The keys that check access tokens, as a JSON Web Key Set. */
  publicKeys(): object;
  close(): void;
}
