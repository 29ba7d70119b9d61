import { Type } from 'typebox';
import { SIGN_UP_MODES } from '#core/accounts/sign-up.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';

const schema = {
  operationId: 'signInOptions',
  tags: ['accounts'],
  summary: 'How somebody gets in here',
  description: 'What a page shows before anybody is signed in.',
  response: {
    200: Type.Object(
      {
        signUp: Type.Enum([...SIGN_UP_MODES]),
        signUpDomains: Type.Array(Type.String()),
        mail: Type.Boolean({ description: 'Whether mail is sent, such as for a forgotten password.' }),
        passwordMinLength: Type.Integer({ description: 'Characters.' }),
        setUp: Type.Boolean({ description: 'False while nobody has an account.' }),
      },
      { description: 'The ways in.' },
    ),
  },
};

export function signInOptions(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'public' }, ignoreCredentials: true } as const;
  app.get('/auth/options', { config, schema }, async () => {
    const { signUp, users, sendsMail, passwordMinLength } = core.accounts;
    return {
      signUp: signUp.policy.mode,
      signUpDomains: [...signUp.policy.domains],
      ...{ mail: sendsMail, passwordMinLength, setUp: await users.any() },
    };
  });
}
