import { exchangeSignInCode } from './routes/auth/exchange.ts';
import { beginSignInWith } from './routes/auth/providers/begin.ts';
import { finishSignInWith } from './routes/auth/providers/callback.ts';
import { listProviders } from './routes/auth/providers/list.ts';
import { myIdentities } from './routes/me/identities.ts';

/** Sign-in with other services, and who users are there. */
export const IDENTITY_ROUTES = [
  listProviders,
  beginSignInWith,
  finishSignInWith,
  exchangeSignInCode,
  myIdentities,
];
