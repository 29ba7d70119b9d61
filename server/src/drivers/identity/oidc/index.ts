import { Type } from 'typebox';
import {
  addressProblems,
  CLIENT_SECRET,
  COMMON_SETTINGS,
  type IdentityProviderType,
  outgoingFor,
  scopesSetting,
} from '../identity-provider-type.ts';
import { OidcProvider } from './oidc-provider.ts';

const DEFAULT_SCOPES = ['openid', 'profile', 'email'];

const settings = Type.Object(
  {
    issuer: Type.String({
      minLength: 1,
      description:
        'The address of the provider, exactly as it writes it; its settings are found at /.well-known/openid-configuration below it.',
    }),
    ...COMMON_SETTINGS,
    clientSecret: Type.Optional({
      ...CLIENT_SECRET,
      description: 'The secret that the provider gave with the client id; none for a public client.',
    }),
    scopes: scopesSetting(DEFAULT_SCOPES, 'What the provider is asked for; `openid` must be among it.'),
  },
  { additionalProperties: false },
);

export const oidc: IdentityProviderType<typeof settings> = {
  settings,
  titleOf: (name) => name,
  problems: ({ issuer, scopes = DEFAULT_SCOPES, allowPrivate }) => [
    ...addressProblems('issuer', issuer, allowPrivate),
    ...(scopes.includes('openid') ? [] : [`scopes is ${JSON.stringify(scopes)}; "openid" must be among it`]),
  ],
  create: ({ issuer, clientId, clientSecret, scopes = DEFAULT_SCOPES, ...given }, { name, title, clock }) => {
    const server = new URL(issuer);
    const http = outgoingFor(given, [server]);
    return new OidcProvider({ name, title, issuer: server, clientId, clientSecret, scopes, http, clock });
  },
};
