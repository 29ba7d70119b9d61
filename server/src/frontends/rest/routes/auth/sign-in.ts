import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { ChallengeBody, Code, InCookie, Password, SignedInBody } from '../../account-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { originOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { requireOwnPage, signedInAnswer, signInAnswer } from '../../refresh-cookie.ts';
import { ref } from '../../schemas.ts';

const first = {
  operationId: 'signIn',
  tags: ['accounts'],
  summary: 'Sign in with a password',
  description:
    'Always begins a new session. A wrong name and a wrong password are answered alike, and take the same time. Too many wrong ones are answered with 429.',
  body: Type.Object(
    {
      name: Type.String({ minLength: 1, maxLength: 320, description: 'Login name or e-mail address.' }),
      password: Password,
      cookie: InCookie,
    },
    { additionalProperties: false },
  ),
  response: { 200: ref(SignedInBody), 202: ref(ChallengeBody), ...problems(413, 415) },
};

const second = {
  operationId: 'signInSecondFactor',
  tags: ['accounts'],
  summary: 'Sign in: the second factor',
  description:
    'Within five minutes of the first step. After five wrong codes the password is asked for again.',
  body: Type.Object(
    { challenge: Type.String({ minLength: 1, maxLength: 100 }), code: Code, cookie: InCookie },
    { additionalProperties: false },
  ),
  response: { 200: ref(SignedInBody), ...problems(413, 415) },
};

export function signIn(app: HttpServer, { core, publicUrl }: RestOptions): void {
  const config = { access: { kind: 'public' }, ignoreCredentials: true } as const;
  app.post('/auth/sign-in', { config, schema: first }, async (request, reply) => {
    const { name, password, cookie: inCookie = false } = request.body;
    if (inCookie) requireOwnPage(request, publicUrl);
    const answer = await core.accounts.signIn.byPassword(name, password, originOf(request));
    return signInAnswer(request, reply, answer, { inCookie, publicUrl });
  });
  app.post('/auth/sign-in/second-factor', { config, schema: second }, async (request, reply) => {
    const { challenge, code, cookie: inCookie = false } = request.body;
    if (inCookie) requireOwnPage(request, publicUrl);
    const signedIn = await core.accounts.signIn.bySecondFactor(challenge, code, originOf(request));
    return signedInAnswer(request, reply, signedIn, { inCookie, publicUrl });
  });
}
