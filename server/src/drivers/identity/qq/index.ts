import { Type } from 'typebox';
import {
  addressProblems,
  CLIENT_SECRET,
  COMMON_SETTINGS,
  type IdentityProviderType,
  outgoingFor,
  scopesSetting,
} from '../identity-provider-type.ts';
import { QqProvider } from './qq-provider.ts';

const DEFAULT_BASE = 'https://graph.qq.com';
const DEFAULT_SCOPES = ['get_user_info'];

const settings = Type.Object(
  {
    ...COMMON_SETTINGS,
    clientId: Type.String({ minLength: 1, description: 'The APP ID of QQ Connect.' }),
    clientSecret: { ...CLIENT_SECRET, description: 'The APP Key of QQ Connect.' },
    baseUrl: Type.Optional(
      Type.String({ minLength: 1, default: DEFAULT_BASE, description: 'Where QQ Connect is.' }),
    ),
    unionId: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'Know people by the unionid, which is the same for every application of one developer, instead of the openid, which is of this one alone. Changing it makes everybody unknown.',
      }),
    ),
    scopes: scopesSetting(DEFAULT_SCOPES, 'What QQ is asked for.'),
  },
  { additionalProperties: false },
);

export const qq: IdentityProviderType<typeof settings> = {
  settings,
  titleOf: () => 'QQ',
  problems: ({ baseUrl = DEFAULT_BASE, allowPrivate }) => addressProblems('baseUrl', baseUrl, allowPrivate),
  create: (
    { clientId, clientSecret, baseUrl = DEFAULT_BASE, unionId, scopes = DEFAULT_SCOPES, ...given },
    { name, title },
  ) => {
    const base = new URL(baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`);
    const http = outgoingFor(given, [base]);
    const byUnionId = unionId === true;
    return new QqProvider({ name, title, clientId, clientSecret, base, byUnionId, scopes, http });
  },
};
