import { Type } from 'typebox';
import { section, text, whole } from './builders.ts';

const tokenKeySchema = Type.Object(
  {
    id: text('Appears in access tokens and in `/.well-known/jwks.json`.', {
      pattern: '^[A-Za-z0-9_-]{1,32}$',
      allowed: '1 to 32 letters, digits, dashes or underscores',
    }),
    secret: text('At least 32 characters, random; the key is made of it.', { minLength: 32, secret: true }),
  },
  { additionalProperties: false },
);

export const accountsSettings = section(
  {
    keys: Type.Optional(
      Type.Array(tokenKeySchema, {
        minItems: 1,
        maxItems: 16,
        secret: true,
        description:
          'Keys of access tokens, the same on every node. The first, which is the newest, signs; the others still verify.',
        defaultText: 'made once and kept in `<dataDir>`; in a cluster made of its secrets',
      }),
    ),
    accessTokenSeconds: whole(10, 900, 900, 'seconds', 'Life of an access token.'),
    refreshHours: whole(1, 8760, 720, 'hours', 'A session that is not used for this long ends.'),
    sessionHours: whole(1, 87_600, 2160, 'hours', 'Longest life of a session, however much it is used.'),
    passwordMinLength: whole(8, 128, 10, 'characters', 'Shortest password that somebody may choose.'),
  },
  'People, their passwords and sessions. See docs/accounts.md.',
);
