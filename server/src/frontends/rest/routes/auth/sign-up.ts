import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { DisplayName, Email, InCookie, LoginName, Password, SignedInBody } from '../../account-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { originOf } from '../../person.ts';
import { nothing, problems } from '../../problems.ts';
import { requireOwnPage, signedInAnswer } from '../../refresh-cookie.ts';
import { ref } from '../../schemas.ts';

const config = { access: { kind: 'public' }, ignoreCredentials: true } as const;
const tags = ['accounts'];

const signUpSchema = {
  operationId: 'signUp',
  tags,
  summary: 'Make an account',
  description:
    'With an invitation; without one only where sign-up is open to everybody. The address and role of the account are those of the invitation.',
  body: Type.Object(
    {
      name: LoginName,
      password: Password,
      displayName: Type.Optional(DisplayName),
      invite: Type.Optional(
        Type.String({ minLength: 1, maxLength: 100, description: 'What stands behind the # of the link.' }),
      ),
      cookie: InCookie,
    },
    { additionalProperties: false },
  ),
  response: { 201: ref(SignedInBody), ...problems(409, 410, 413, 415) },
};

const askSchema = {
  operationId: 'askForInvitation',
  tags,
  summary: 'Ask for an invitation to the own address',
  description:
    'Where addresses of some domains may sign up. The answer is the same whether somebody has an account with the address or not.',
  body: Type.Object({ email: Email }, { additionalProperties: false }),
  response: { 204: nothing('A mail is on its way.'), ...problems(413, 415) },
};

export function signUp(app: HttpServer, { core, publicUrl }: RestOptions): void {
  app.post('/auth/sign-up', { config, schema: signUpSchema }, async (request, reply) => {
    const { invite, cookie: inCookie = false, ...wanted } = request.body;
    if (inCookie) requireOwnPage(request, publicUrl);
    const signedIn = await core.accounts.signUp.signUp(wanted, invite, originOf(request));
    reply.code(201);
    return signedInAnswer(request, reply, signedIn, { inCookie, publicUrl });
  });
  app.post('/auth/sign-up/ask', { config, schema: askSchema }, async (request, reply) => {
    await core.accounts.signUp.ask(request.body.email, originOf(request));
    return reply.code(204).send(null);
  });
}
