import { type Static, Type } from 'typebox';
import type { Identity } from '#core/model/identity.ts';
import { ref } from './schemas.ts';

const Name = Type.String({ description: 'Name of the provider in the configuration.', examples: ['github'] });

export const ProviderParams = Type.Object({
  provider: Type.String({ minLength: 1, maxLength: 32, description: 'Name of the provider.' }),
});

const ProviderBody = Type.Object(
  {
    name: Name,
    title: Type.String({ description: 'What people know it as.', examples: ['GitHub'] }),
    type: Type.String({ examples: ['oidc', 'github', 'qq'] }),
  },
  { $id: 'SignInProvider', description: 'Another service that people may sign in with.' },
);

export const ProviderListBody = Type.Object(
  { providers: Type.Array(ref(ProviderBody)) },
  { $id: 'SignInProviderList', description: 'In the order of the configuration.' },
);

const IdentityBody = Type.Object(
  {
    id: Type.String({ description: 'Decimal id.', examples: ['482913374719606784'] }),
    provider: Name,
    title: Type.Optional(
      Type.String({ description: 'Absent where the provider is not configured any more.' }),
    ),
    subject: Type.String({ description: 'Who it is there.' }),
    name: Type.Optional(Type.String({ description: 'As the provider said last.' })),
    email: Type.Optional(Type.String({ description: 'As the provider said last.' })),
    linkedAt: Type.String({ format: 'date-time', description: 'UTC.' }),
    lastUsedAt: Type.Optional(Type.String({ format: 'date-time', description: 'Of the last sign-in. UTC.' })),
  },
  { $id: 'Identity', description: 'Who the user is at another service.' },
);
type IdentityBody = Static<typeof IdentityBody>;

export const IdentityListBody = Type.Object(
  { identities: Type.Array(ref(IdentityBody)) },
  { $id: 'IdentityList', description: 'Of the user, in the order they were linked.' },
);

export const IDENTITY_SCHEMAS = [ProviderBody, ProviderListBody, IdentityBody, IdentityListBody];

export function identityBody(identity: Identity, title: string | undefined): IdentityBody {
  const { id, provider, subject, name, email, linkedAt, lastUsedAt } = identity;
  return {
    ...{ id, provider, subject },
    ...(title === undefined ? {} : { title }),
    ...(name === undefined ? {} : { name }),
    ...(email === undefined ? {} : { email }),
    linkedAt: new Date(linkedAt).toISOString(),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt: new Date(lastUsedAt).toISOString() }),
  };
}
