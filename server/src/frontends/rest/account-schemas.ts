import { type Static, Type } from 'typebox';
import { ROLES, USER_STATES } from '#core/model/user.ts';
import { ref } from './schemas.ts';

const ID = '482913374719606784';

function time(description: string) {
  return Type.String({ format: 'date-time', description });
}

const id = Type.String({ description: 'Decimal id.', examples: [ID] });

export const UserBody = Type.Object(
  {
    id,
    name: Type.String({ description: 'What is typed to sign in.', examples: ['anna'] }),
    displayName: Type.String({ examples: ['Anna Lind'] }),
    email: Type.Optional(Type.String({ examples: ['anna@example.com'] })),
    emailVerified: Type.Boolean(),
    role: Type.Enum([...ROLES]),
    state: Type.Enum([...USER_STATES]),
    groupId: Type.Optional(Type.String()),
    quotaBytes: Type.Optional(
      Type.Integer({ description: 'Of this user; else what the group or the installation says.' }),
    ),
    createdAt: time('UTC.'),
    updatedAt: time('UTC.'),
    lastSignInAt: Type.Optional(time('UTC.')),
  },
  { $id: 'User', description: 'Somebody with an account.' },
);
export type UserBody = Static<typeof UserBody>;

export const UserListBody = Type.Object(
  {
    users: Type.Array(ref(UserBody)),
    next: Type.Union([Type.String(), Type.Null()], {
      description: 'Give it as `cursor` for the next page; null on the last one.',
    }),
  },
  { $id: 'UserList', description: 'A page of users.' },
);

export const SignedInBody = Type.Object(
  {
    accessToken: Type.String({
      description: 'Send it as `Authorization: Bearer <token>`; keep it in memory only.',
    }),
    accessExpiresAt: time('When the access token ends. UTC.'),
    refreshToken: Type.String({
      description: 'Good for one refresh. Using it a second time ends the session.',
    }),
    refreshExpiresAt: time('When the session ends unless it is refreshed before. UTC.'),
    sessionId: id,
    user: ref(UserBody),
  },
  { $id: 'SignedIn', description: 'A session that has begun or goes on.' },
);
export type SignedInBody = Static<typeof SignedInBody>;

const SessionBody = Type.Object(
  {
    id,
    current: Type.Boolean({ description: 'True for the session that asks.' }),
    how: Type.String({ description: 'How it began.', examples: ['password'] }),
    createdAt: time('UTC.'),
    lastSeenAt: time('Of the last refresh. UTC.'),
    expiresAt: time('When it ends unless it is refreshed before. UTC.'),
    address: Type.Optional(Type.String({ examples: ['192.0.2.7'] })),
    agent: Type.Optional(Type.String({ description: 'What the client calls itself.' })),
  },
  { $id: 'Session', description: 'Somewhere the user is signed in.' },
);
export type SessionBody = Static<typeof SessionBody>;

export const SessionListBody = Type.Object(
  { sessions: Type.Array(ref(SessionBody)) },
  { $id: 'SessionList', description: 'Sessions that go on, newest first, at most 200.' },
);

export const ACCOUNT_SCHEMAS = [UserBody, UserListBody, SignedInBody, SessionBody, SessionListBody];

export const Password = Type.String({ maxLength: 1024, description: 'At most 1024 bytes in UTF-8.' });
export const LoginName = Type.String({
  maxLength: 320,
  description: '1 to 64 letters, digits, dots, dashes or underscores; unique regardless of case.',
  examples: ['anna'],
});
export const Email = Type.String({ maxLength: 320, examples: ['anna@example.com'] });
export const DisplayName = Type.String({ maxLength: 512, examples: ['Anna Lind'] });
export const Quota = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Bytes.' });
export const Id = Type.String({ pattern: '^[1-9][0-9]{0,18}$' });
