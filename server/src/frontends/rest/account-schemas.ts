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
    refreshToken: Type.Optional(
      Type.String({
        description:
          'Good for one refresh. Using it a second time ends the session. Not here where it was put into a cookie.',
      }),
    ),
    refreshExpiresAt: time('When the session ends unless it is refreshed before. UTC.'),
    sessionId: id,
    user: ref(UserBody),
  },
  { $id: 'SignedIn', description: 'A session that has begun or goes on.' },
);
export type SignedInBody = Static<typeof SignedInBody>;

export const ChallengeBody = Type.Object(
  {
    challenge: Type.String({ description: 'To be sent with the code.' }),
    expiresAt: time('UTC.'),
  },
  { $id: 'SignInChallenge', description: 'The password was right; a second factor is asked for.' },
);
export type ChallengeBody = Static<typeof ChallengeBody>;

const inviteFields = {
  id,
  email: Type.Optional(Type.String({ description: 'The address that the account gets.' })),
  role: Type.Enum([...ROLES]),
  groupId: Type.Optional(Type.String()),
  invitedBy: Type.Optional(
    Type.String({ description: 'Id of the administrator who made it; left out where a service did.' }),
  ),
  createdAt: time('UTC.'),
  expiresAt: time('UTC.'),
};

const InviteBody = Type.Object(inviteFields, { $id: 'Invitation', description: 'Makes one account.' });
export type InviteBody = Static<typeof InviteBody>;

export const NewInviteBody = Type.Object(
  {
    ...inviteFields,
    mailed: Type.Boolean({ description: 'True when the link went by mail and is not here.' }),
    url: Type.Optional(
      Type.String({ description: 'Opens the account for whoever has it; not shown again.' }),
    ),
  },
  { $id: 'NewInvitation', description: 'An invitation, with its link where that was not mailed.' },
);

export const InviteListBody = Type.Object(
  { invites: Type.Array(ref(InviteBody)) },
  { $id: 'InvitationList', description: 'Invitations that are neither used nor over, newest first.' },
);

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

export const ACCOUNT_SCHEMAS = [
  InviteBody,
  NewInviteBody,
  InviteListBody,

  UserBody,
  UserListBody,
  SignedInBody,
  ChallengeBody,
  SessionBody,
  SessionListBody,
];

export const Password = Type.String({ maxLength: 1024, description: 'At most 1024 bytes in UTF-8.' });
/** Of whatever adds or changes a way in. */
export const PresentPassword = Type.Optional(
  Type.String({
    maxLength: 1024,
    description:
      'The present password. Who has none must have signed in within the last ten minutes instead; 403 with `details.reason` "confirm" says what is missing.',
  }),
);
export const LoginName = Type.String({
  maxLength: 320,
  description: '1 to 64 letters, digits, dots, dashes or underscores; unique regardless of case.',
  examples: ['anna'],
});
export const Email = Type.String({ maxLength: 320, examples: ['anna@example.com'] });
export const DisplayName = Type.String({ maxLength: 512, examples: ['Anna Lind'] });
export const Quota = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Bytes.' });
export const Id = Type.String({ pattern: '^[1-9][0-9]{0,18}$' });

export const InCookie = Type.Optional(
  Type.Boolean({
    default: false,
    description:
      'For pages: the refresh token goes into a cookie that scripts cannot read. The request must come from a page of this service.',
  }),
);
export const Code = Type.String({
  minLength: 6,
  maxLength: 40,
  description: 'Six digits of the authenticator app, or a recovery code.',
  examples: ['123456'],
});
export const RefreshToken = Type.Optional(Type.String({ minLength: 1, maxLength: 100 }));
