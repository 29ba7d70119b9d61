import { signInOptions } from './routes/auth/options.ts';
import { recovery } from './routes/auth/recovery.ts';
import { refreshSession } from './routes/auth/refresh.ts';
import { setUp } from './routes/auth/setup.ts';
import { signIn } from './routes/auth/sign-in.ts';
import { signOut } from './routes/auth/sign-out.ts';
import { signUp } from './routes/auth/sign-up.ts';
import { invites } from './routes/invites/invites.ts';
import { getMe } from './routes/me/get.ts';
import { changePassword } from './routes/me/password.ts';
import { myProfile } from './routes/me/profile.ts';
import { secondFactor } from './routes/me/second-factor.ts';
import { mySessions } from './routes/me/sessions.ts';
import { changeUser } from './routes/users/change.ts';
import { createUser } from './routes/users/create.ts';
import { listUsers } from './routes/users/list.ts';

/** People, how they get in, and who administers them. */
export const ACCOUNT_ROUTES = [
  signIn,
  refreshSession,
  signOut,
  setUp,
  signUp,
  recovery,
  signInOptions,
  myProfile,
  invites,
  secondFactor,
  getMe,
  changePassword,
  mySessions,
  createUser,
  listUsers,
  changeUser,
];
