import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { emptyWithoutBody } from '../../optional-body.ts';
import { nothing, problems } from '../../problems.ts';

const schema = {
  operationId: 'signOut',
  tags: ['accounts'],
  summary: 'Sign out',
  description:
    'Ends the session of the access token, or of the refresh token in the body, at once: neither is good for anything afterwards. Repeating it is fine.',
  body: Type.Object(
    { refreshToken: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })) },
    { additionalProperties: false },
  ),
  response: { 204: nothing('The session is over.'), ...problems(413, 415) },
};

export function signOut(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'public' } } as const;
  app.post(
    '/auth/sign-out',
    { config, schema, preValidation: emptyWithoutBody },
    async ({ body, principal }, reply) => {
      const { sessions } = core.accounts;
      if (body.refreshToken !== undefined) await sessions.endByToken(body.refreshToken);
      if (principal.kind === 'person') await sessions.end(principal.userId, principal.sessionId);
      return reply.code(204).send(null);
    },
  );
}
