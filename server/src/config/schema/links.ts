import { Type } from 'typebox';
import { section, text, whole } from './builders.ts';

/** Travels in every link, so it is short and needs no escaping. */
const LINK_KEY_ID = { pattern: '^[a-z0-9]{1,16}$', allowed: '1 to 16 small letters or digits' };

const linkKeySchema = Type.Object(
  {
    id: text('Appears in links, so that a link can be checked after keys have changed.', LINK_KEY_ID),
    secret: text('At least 32 characters, random.', { minLength: 32, secret: true }),
  },
  { additionalProperties: false },
);

export const linksSettings = section(
  {
    keys: Type.Optional(
      Type.Array(linkKeySchema, {
        minItems: 1,
        maxItems: 16,
        secret: true,
        description: 'Keys that sign links. The first signs, the others still verify.',
        defaultText: 'made once and kept in `<dataDir>`',
      }),
    ),
    maxExpireSeconds: whole(1, 31_536_000, 604_800, 'seconds', 'Longest life a link may be given.'),
    defaultExpireSeconds: whole(
      1,
      31_536_000,
      86_400,
      'seconds',
      'Life of a link when the caller names none.',
    ),
  },
  'Signed links.',
);
