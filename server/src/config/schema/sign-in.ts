import { Type } from 'typebox';
import { section, text } from './builders.ts';

/** Part of the addresses that are registered with the provider, so it needs no escaping there. */
const PROVIDER_NAME = {
  pattern: '^[a-z0-9][a-z0-9-]{0,31}$',
  allowed: '1 to 32 small letters, digits or dashes, starting with a letter or digit',
};

const providerSchema = Type.Object(
  {
    name: text(
      'Name of the provider in addresses and logs. Identities are kept under it, so with a new name nobody is known.',
      PROVIDER_NAME,
    ),
    type: text(
      '`oidc` is any provider of OpenID Connect that can be discovered; `github` and `qq` have ways of their own.',
    ),
    title: Type.Optional(
      text('What people know the provider as.', {
        defaultText: '`GitHub`, `QQ`, or for oidc the name',
      }),
    ),
  },
  { description: 'The settings of its type stand beside these.' },
);

export const signInSettings = section(
  {
    providers: Type.Array(providerSchema, {
      default: [],
      maxItems: 32,
      secret: true,
      allowed: 'a list of at most 32 providers, each with a name and a type',
      description: 'Other services that people may sign in with; docs/sign-in-with.md.',
    }),
  },
  'Sign-in with other services.',
);
