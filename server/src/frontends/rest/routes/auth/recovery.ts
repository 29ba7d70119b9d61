import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { Password } from '../../account-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { originOf } from '../../person.ts';
import { nothing, problems } from '../../problems.ts';

const config = { access: { kind: 'public' }, ignoreCredentials: true } as const;
const tags = ['accounts'];
const token = Type.String({
  minLength: 1,
  maxLength: 100,
  description: 'What stands behind the # of the link.',
});

const forgot = {
  operationId: 'forgotPassword',
  tags,
  summary: 'Ask for a link that sets a new password',
  description:
    'It goes by mail to the verified address of the account. The answer is the same whether there is such an account or not.',
  body: Type.Object(
    { name: Type.String({ minLength: 1, maxLength: 320, description: 'Login name or e-mail address.' }) },
    { additionalProperties: false },
  ),
  response: { 204: nothing('A mail is on its way, where there is an account.'), ...problems(413, 415) },
};

const reset = {
  operationId: 'resetPassword',
  tags,
  summary: 'Set a new password',
  description: 'The link is good once, for thirty minutes. Ends every session of the user.',
  body: Type.Object({ token, password: Password }, { additionalProperties: false }),
  response: { 204: nothing('The password is set; sign in with it.'), ...problems(410, 413, 415) },
};

const verify = {
  operationId: 'verifyEmail',
  tags,
  summary: 'Show that an e-mail address is right',
  body: Type.Object({ token }, { additionalProperties: false }),
  response: { 204: nothing('The account has the address.'), ...problems(409, 410, 413, 415) },
};

export function recovery(app: HttpServer, { core }: RestOptions): void {
  const { recovery: ways } = core.accounts;
  app.post('/auth/forgot-password', { config, schema: forgot }, async (request, reply) => {
    await ways.forgot(request.body.name, originOf(request));
    return reply.code(204).send(null);
  });
  app.post('/auth/reset-password', { config, schema: reset }, async (request, reply) => {
    await ways.reset(request.body.token, request.body.password, originOf(request));
    return reply.code(204).send(null);
  });
  app.post('/auth/verify-email', { config, schema: verify }, async (request, reply) => {
    await ways.verifyEmail(request.body.token, originOf(request));
    return reply.code(204).send(null);
  });
}
