import { Type } from 'typebox';
import { SIGN_UP_MODES } from '#core/accounts/sign-up.ts';
import { flag, section, text, whole } from './builders.ts';

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
    signUp: Type.Enum([...SIGN_UP_MODES], {
      default: 'closed',
      description:
        'Who may have an account: `closed` for whom administrators make one, `invite` also whom they invite, `domain` also who shows to have an address of `signUpDomains`, `open` everybody.',
    }),
    signUpDomains: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
      default: [],
      maxItems: 256,
      description:
        'Domains of e-mail addresses, such as `example.com`, for `signUp` "domain". Needs `mail.url`.',
    }),
    setupLink: flag(
      true,
      'At a start at which nobody has an account, print a link that makes the first administrator.',
    ),
    accessTokenSeconds: whole(10, 900, 900, 'seconds', 'Life of an access token.'),
    refreshHours: whole(1, 8760, 720, 'hours', 'A session that is not used for this long ends.'),
    sessionHours: whole(1, 87_600, 2160, 'hours', 'Longest life of a session, however much it is used.'),
    failuresPerAccount: whole(
      3,
      1000,
      10,
      'tries',
      'Wrong passwords for one account from one network before more are refused; from all networks that the user is not signed in from five times as many.',
    ),
    failuresPerAddress: whole(
      3,
      1_000_000,
      100,
      'tries',
      'Wrong passwords from one network, for whatever accounts, before more are refused.',
    ),
    lockoutMinutes: whole(1, 1440, 15, 'minutes', 'How long after the first of these more are refused.'),
    passwordMinLength: whole(8, 128, 10, 'characters', 'Shortest password that somebody may choose.'),
  },
  'People, their passwords and sessions. See docs/accounts.md.',
);
