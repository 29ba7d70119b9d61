import type { Confirmation } from './confirmation.ts';
import type { Passwords } from './passwords.ts';
import type { Recovery } from './recovery.ts';
import type { SecondFactor } from './second-factor.ts';
import type { Sessions } from './sessions.ts';
import type { SetUp } from './set-up.ts';
import type { SignIn } from './sign-in.ts';
import type { SignUp } from './sign-up.ts';
import type { Users } from './users.ts';

/** People: who has an account, how they get in, and where they are signed in. */
export interface Accounts {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly signIn: SignIn;
  /** Hashes passwords of whatever kind, so many at once. */
  readonly passwords: Passwords;
  readonly secondFactor: SecondFactor;
  /** For whatever adds or changes a way in. */
  readonly confirmation: Confirmation;
  readonly setUp: SetUp;
  readonly signUp: SignUp;
  readonly recovery: Recovery;
  /** Whether mail is sent. */
  readonly sendsMail: boolean;
  readonly passwordMinLength: number;
  /** The keys that check access tokens, as a JSON Web Key Set. */
  publicKeys(): object;
  close(): void;
}
