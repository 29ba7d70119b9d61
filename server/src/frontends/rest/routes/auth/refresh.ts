import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { signedInBody } from '../../account-presenters.ts';
import { SignedInBody } from '../../account-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { originOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'refreshSession',
  tags: ['accounts'],
  summary: 'Go on with a session',
  description:
    'Gives a new access token and a new refresh token. The refresh token that was sent gives the same answer once more within ten seconds, so that two tabs may refresh at once; later than that, using it again ends the session.',
  body: Type.Object(
    { refreshToken: Type.String({ minLength: 1, maxLength: 100 }) },
    { additionalProperties: false },
  ),
  response: { 200: ref(SignedInBody), ...problems(413, 415) },
};

export function refreshSession(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'public' }, ignoreCredentials: true } as const;
  app.post('/auth/refresh', { config, schema }, async (request) =>
    signedInBody(await core.accounts.sessions.refresh(request.body.refreshToken, originOf(request))),
  );
}
