import { Type } from 'typebox';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import { RefreshToken } from '../../account-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { emptyWithoutBody } from '../../optional-body.ts';
import { nothing, problems } from '../../problems.ts';
import { forgetCookie, shownRefreshToken } from '../../refresh-cookie.ts';

const schema = {
  operationId: 'signOut',
  tags: ['accounts'],
  summary: 'Sign out',
  description:
    'Ends the session of the access token, or of the refresh token in the body or the cookie, at once: none of them is good for anything afterwards. Repeating it is fine.',
  body: Type.Object({ refreshToken: RefreshToken }, { additionalProperties: false }),
  response: { 204: nothing('The session is over.'), ...problems(413, 415) },
};

export function signOut(app: HttpServer, { core, publicUrl }: RestOptions): void {
  const config = { access: { kind: 'public' } } as const;
  const options = { config, schema, preValidation: emptyWithoutBody };
  app.post('/auth/sign-out', options, async (request, reply) => {
    const { sessions } = core.accounts;
    const { principal } = request;
    const { token, inCookie } = shownRefreshToken(request, request.body.refreshToken, publicUrl);
    if (token !== undefined) await sessions.endByToken(token);
    if (inCookie) forgetCookie(request, reply, publicUrl);
    if (principal.kind === 'person') {
      await sessions.endOwn(principal.userId, principal.sessionId, callerOf(request));
    }
    return reply.code(204).send(null);
  });
}
