import { Type } from 'typebox';
import {
  addressProblems,
  CLIENT_SECRET,
  COMMON_SETTINGS,
  type IdentityProviderType,
  outgoingFor,
  scopesSetting,
} from '../identity-provider-type.ts';
import { GithubProvider } from './github-provider.ts';

const DEFAULT_BASE = 'https://github.com';
const DEFAULT_API = 'https://api.github.com';
const DEFAULT_SCOPES = ['read:user', 'user:email'];

const settings = Type.Object(
  {
    ...COMMON_SETTINGS,
    clientSecret: CLIENT_SECRET,
    baseUrl: Type.Optional(
      Type.String({
        minLength: 1,
        default: DEFAULT_BASE,
        description: 'Where people sign in; the address of a GitHub Enterprise Server.',
      }),
    ),
    apiUrl: Type.Optional(
      Type.String({
        minLength: 1,
        defaultText: `\`${DEFAULT_API}\`, or \`/api/v3\` below another \`baseUrl\``,
        description: 'Where the API is.',
      }),
    ),
    scopes: scopesSetting(
      DEFAULT_SCOPES,
      'What GitHub is asked for; without `user:email` no address is known.',
    ),
  },
  { additionalProperties: false },
);

export const github: IdentityProviderType<typeof settings> = {
  settings,
  titleOf: () => 'GitHub',
  problems: ({ baseUrl = DEFAULT_BASE, apiUrl = DEFAULT_API, allowPrivate }) => [
    ...addressProblems('baseUrl', baseUrl, allowPrivate),
    ...addressProblems('apiUrl', apiUrl, allowPrivate),
  ],
  create: (
    { clientId, clientSecret, baseUrl = DEFAULT_BASE, apiUrl, scopes = DEFAULT_SCOPES, ...given },
    { name, title },
  ) => {
    const base = new URL(withSlash(baseUrl));
    const api = new URL(
      withSlash(apiUrl ?? (base.host === 'github.com' ? DEFAULT_API : `${withSlash(baseUrl)}api/v3`)),
    );
    const http = outgoingFor(given, [base, api]);
    return new GithubProvider({ name, title, clientId, clientSecret, base, api, scopes, http });
  },
};

function withSlash(address: string): string {
  return address.endsWith('/') ? address : `${address}/`;
}
