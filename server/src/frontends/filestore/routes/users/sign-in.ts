import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { type FilestoreOptions, OPEN } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { documentedOnly, fieldsOf, textOf } from '../../fields.ts';
import { iso } from '../../records.ts';

const schema = {
  tags: ['filestore'],
  summary: 'Sign in',
  body: Type.Object({ username: Type.String(), password: Type.String() }),
  response: answers(
    Type.Object({
      username: Type.String(),
      accessToken: Type.String({ description: 'For `Authorization: Bearer`.' }),
      accessExpiresAt: Type.String({ format: 'date-time' }),
      refreshToken: Type.String({ description: 'For POST /api/v1/auth/refresh.' }),
      refreshExpiresAt: Type.String({ format: 'date-time' }),
    }),
  ),
};

export function signIn(scope: HttpServer, { core }: FilestoreOptions): void {
  const route = { schema, config: OPEN, validatorCompiler: documentedOnly };
  scope.post('/signin', route, async (request) => {
    const fields = fieldsOf(request);
    const from = { address: request.exchange.remote, agent: request.headers['user-agent'] };
    const [name, password] = [textOf(fields, 'username'), textOf(fields, 'password')];
    const { user, access, refresh } = await core.accounts.signIn.byPassword(name, password, from);
    return ok({
      username: user.name,
      ...{ accessToken: access.token, accessExpiresAt: iso(access.expiresAt) },
      ...{ refreshToken: refresh.token, refreshExpiresAt: iso(refresh.expiresAt) },
    });
  });
}
