import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { signedInBody } from '../../account-presenters.ts';
import { Password, SignedInBody } from '../../account-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { originOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'signIn',
  tags: ['accounts'],
  summary: 'Sign in with a password',
  description:
    'Always begins a new session. A wrong name and a wrong password are answered alike, and take the same time.',
  body: Type.Object(
    {
      name: Type.String({ minLength: 1, maxLength: 320, description: 'Login name or e-mail address.' }),
      password: Password,
    },
    { additionalProperties: false },
  ),
  response: { 200: ref(SignedInBody), ...problems(413, 415) },
};

export function signIn(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'public' }, ignoreCredentials: true } as const;
  app.post('/auth/sign-in', { config, schema }, async (request) => {
    const { name, password } = request.body;
    return signedInBody(await core.accounts.signIn.byPassword(name, password, originOf(request)));
  });
}
