import { refreshSession } from './routes/auth/refresh.ts';
import { signIn } from './routes/auth/sign-in.ts';
import { signOut } from './routes/auth/sign-out.ts';
import { getMe } from './routes/me/get.ts';
import { changePassword } from './routes/me/password.ts';
import { mySessions } from './routes/me/sessions.ts';
import { changeUser } from './routes/users/change.ts';
import { createUser } from './routes/users/create.ts';
import { listUsers } from './routes/users/list.ts';

/** People, how they get in, and who administers them. */
export const ACCOUNT_ROUTES = [
  signIn,
  refreshSession,
  signOut,
  getMe,
  changePassword,
  mySessions,
  createUser,
  listUsers,
  changeUser,
];
