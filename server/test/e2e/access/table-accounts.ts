import { ADMIN, administrators, everybody, NOBODY, PUBLIC, people, type Row } from './expected.ts';
import { V1 } from './world.ts';

/** A user that nobody is. */
const USER = `${V1}/users/5`;

function json(method: string, path: string, body: object): Row['call'] {
  return () => ({ method, path: `${V1}${path}`, json: body });
}

/** What links of mails and of the first start lead to. */
const PAGES: Readonly<Record<string, Row>> = Object.fromEntries(
  [
    ...['/setup', '/invite', '/reset-password', '/verify-email'],
    ...['/pages/account.js', '/pages/account.css'],
  ].map((path) => [`GET ${path}`, { call: () => ({ method: 'GET', path }), expected: PUBLIC }]),
);

/** People and how they get in. Where somebody is let in, what is asked for is wrong, so that nothing changes. */
export const ACCOUNTS_TABLE: Readonly<Record<string, Row>> = {
  ...PAGES,
  'GET /.well-known/jwks.json': {
    call: () => ({ method: 'GET', path: '/.well-known/jwks.json' }),
    expected: PUBLIC,
  },
  'POST /api/v1/auth/sign-in': {
    call: json('POST', '/auth/sign-in', { name: 'x' }),
    expected: everybody(400),
  },
  'POST /api/v1/auth/refresh': {
    call: json('POST', '/auth/refresh', { refreshToken: 'x' }),
    expected: everybody(401),
  },
  // Whoever is shown is looked at, since it is the session of the token that ends.
  'POST /api/v1/auth/sign-out': {
    call: json('POST', '/auth/sign-out', { refreshToken: '' }),
    expected: {
      ...NOBODY,
      ...{ nobody: 400, readKey: 400, writeKey: 400, deleteKey: 400, linksKey: 400 },
      ...{ otherOwner: 400, limitedKey: 400 },
      ...{ admin: 400, member: 400, otherMember: 400, adminPerson: 400 },
      ...{ readLink: 400, readLinkOfOther: 400, writeLink: 400, writeLinkOfOther: 400 },
      ...{ v0Upload: 400, v0UploadExpired: 400, v0UploadExpiredBegun: 400, v0UploadTampered: 400 },
      ...{ v0Download: 400, v0DownloadExpired: 400, v0DownloadRevoked: 400, v0DownloadTampered: 400 },
    },
  },
  'POST /api/v1/auth/sign-in/second-factor': {
    call: json('POST', '/auth/sign-in/second-factor', { challenge: 'x' }),
    expected: everybody(400),
  },
  'POST /api/v1/auth/setup': { call: json('POST', '/auth/setup', { token: 'x' }), expected: everybody(400) },
  'GET /api/v1/me/second-factor': {
    call: () => ({ method: 'GET', path: `${V1}/me/second-factor` }),
    expected: people(200),
  },
  'POST /api/v1/me/second-factor': {
    call: json('POST', '/me/second-factor', { password: {} }),
    expected: people(400),
  },
  'POST /api/v1/me/second-factor/confirm': {
    call: json('POST', '/me/second-factor/confirm', {}),
    expected: people(400),
  },
  'POST /api/v1/me/second-factor/recovery-codes': {
    call: json('POST', '/me/second-factor/recovery-codes', { password: {} }),
    expected: people(400),
  },
  'POST /api/v1/me/second-factor/disable': {
    call: json('POST', '/me/second-factor/disable', { password: {} }),
    expected: people(400),
  },
  'POST /api/v1/users/:id/sign-out': {
    call: () => ({ method: 'POST', path: `${USER}/sign-out` }),
    expected: administrators(404),
  },
  'DELETE /api/v1/users/:id/second-factor': {
    call: () => ({ method: 'DELETE', path: `${USER}/second-factor` }),
    expected: administrators(404),
  },
  'GET /api/v1/auth/options': {
    call: () => ({ method: 'GET', path: `${V1}/auth/options` }),
    expected: PUBLIC,
  },
  'POST /api/v1/auth/sign-up': { call: json('POST', '/auth/sign-up', {}), expected: everybody(400) },
  'POST /api/v1/auth/sign-up/ask': {
    call: json('POST', '/auth/sign-up/ask', { email: 'a@example.com' }),
    expected: everybody(403),
  },
  'POST /api/v1/auth/forgot-password': {
    call: json('POST', '/auth/forgot-password', {}),
    expected: everybody(400),
  },
  'POST /api/v1/auth/reset-password': {
    call: json('POST', '/auth/reset-password', {}),
    expected: everybody(400),
  },
  'POST /api/v1/auth/verify-email': {
    call: json('POST', '/auth/verify-email', { token: 'x' }),
    expected: everybody(410),
  },
  'PATCH /api/v1/me': { call: json('PATCH', '/me', {}), expected: people(400) },
  'POST /api/v1/me/email': { call: json('POST', '/me/email', {}), expected: people(400) },
  'POST /api/v1/users/:id/password-reset': {
    call: () => ({ method: 'POST', path: `${USER}/password-reset` }),
    expected: administrators(404),
  },
  'GET /api/v1/invites': { call: () => ({ method: 'GET', path: `${V1}/invites` }), expected: ADMIN },
  // Sign-up is closed.
  'POST /api/v1/invites': {
    call: json('POST', '/invites', {}),
    expected: { ...ADMIN, admin: 403, adminPerson: 403 },
  },
  'DELETE /api/v1/invites/:id': {
    call: () => ({ method: 'DELETE', path: `${V1}/invites/5` }),
    expected: administrators(404),
  },
  'GET /api/v1/me': { call: () => ({ method: 'GET', path: `${V1}/me` }), expected: people(200) },
  'GET /api/v1/me/sessions': {
    call: () => ({ method: 'GET', path: `${V1}/me/sessions` }),
    expected: people(200),
  },
  'DELETE /api/v1/me/sessions/:id': {
    call: () => ({ method: 'DELETE', path: `${V1}/me/sessions/5` }),
    expected: people(404),
  },
  'POST /api/v1/me/sessions/sign-out-everywhere': {
    call: () => ({ method: 'POST', path: `${V1}/me/sessions/sign-out-everywhere` }),
    expected: people(204),
    changes: true,
    changesPeople: true,
  },
  'POST /api/v1/me/password': { call: json('POST', '/me/password', {}), expected: people(400) },
  'GET /api/v1/users': { call: () => ({ method: 'GET', path: `${V1}/users` }), expected: ADMIN },
  'POST /api/v1/users': { call: json('POST', '/users', { name: '' }), expected: administrators(400) },
  'GET /api/v1/users/:id': {
    call: () => ({ method: 'GET', path: USER }),
    expected: administrators(404),
  },
  'PATCH /api/v1/users/:id': { call: json('PATCH', '/users/5', {}), expected: administrators(404) },
  'DELETE /api/v1/users/:id': {
    call: () => ({ method: 'DELETE', path: USER }),
    expected: administrators(404),
  },
  'POST /api/v1/users/:id/password': {
    call: json('POST', '/users/5/password', { password: 'long enough 123' }),
    expected: administrators(404),
  },
};
