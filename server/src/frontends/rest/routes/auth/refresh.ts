import { Type } from 'typebox';
import { isOsproxyError, OsproxyError } from '#core/errors.ts';
import type { HttpServer } from '../../../http/server.ts';
import { RefreshToken, SignedInBody } from '../../account-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { emptyWithoutBody } from '../../optional-body.ts';
import { originOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { forgetCookie, shownRefreshToken, signedInAnswer } from '../../refresh-cookie.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'refreshSession',
  tags: ['accounts'],
  summary: 'Go on with a session',
  description:
    'Gives a new access token and a new refresh token, in place of the one in the body or, from a page of this service, in the cookie. The old one gives the same answer once more within ten seconds, so that two tabs may refresh at once; later than that, using it again ends the session.',
  body: Type.Object({ refreshToken: RefreshToken }, { additionalProperties: false }),
  response: { 200: ref(SignedInBody), ...problems(413, 415) },
};

export function refreshSession(app: HttpServer, { core, publicUrl }: RestOptions): void {
  const config = { access: { kind: 'public' }, ignoreCredentials: true } as const;
  const options = { config, schema, preValidation: emptyWithoutBody };
  app.post('/auth/refresh', options, async (request, reply) => {
    const { token, inCookie } = shownRefreshToken(request, request.body.refreshToken, publicUrl);
    if (token === undefined) throw new OsproxyError('Unauthenticated', 'No refresh token was sent; sign in.');
    try {
      const signedIn = await core.accounts.sessions.refresh(token, originOf(request));
      return signedInAnswer(request, reply, signedIn, { inCookie, publicUrl });
    } catch (error) {
      if (inCookie && isOsproxyError(error, 'Unauthenticated')) forgetCookie(request, reply, publicUrl);
      throw error;
    }
  });
}
