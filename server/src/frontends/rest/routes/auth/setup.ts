import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { DisplayName, Email, InCookie, LoginName, Password, SignedInBody } from '../../account-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { originOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { requireOwnPage, signedInAnswer } from '../../refresh-cookie.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'setUp',
  tags: ['accounts'],
  summary: 'Make the first administrator',
  description:
    'With the token of the link that the first start printed. It is good for thirty minutes, and only as long as nobody has an account.',
  body: Type.Object(
    {
      token: Type.String({ minLength: 1, maxLength: 100 }),
      name: LoginName,
      password: Password,
      email: Type.Optional(Email),
      displayName: Type.Optional(DisplayName),
      cookie: InCookie,
    },
    { additionalProperties: false },
  ),
  response: { 201: ref(SignedInBody), ...problems(409, 410, 413, 415) },
};

export function setUp(app: HttpServer, { core, publicUrl }: RestOptions): void {
  const config = { access: { kind: 'public' }, ignoreCredentials: true } as const;
  app.post('/auth/setup', { config, schema }, async (request, reply) => {
    const { token, cookie: inCookie = false, ...wanted } = request.body;
    if (inCookie) requireOwnPage(request, publicUrl);
    const signedIn = await core.accounts.setUp.claim(token, wanted, originOf(request));
    reply.code(201);
    return signedInAnswer(request, reply, signedIn, { inCookie, publicUrl });
  });
}
