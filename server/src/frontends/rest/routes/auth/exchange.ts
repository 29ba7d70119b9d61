import { Type } from 'typebox';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import { ChallengeBody, SignedInBody } from '../../account-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { signInAnswer } from '../../refresh-cookie.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'exchangeSignInCode',
  tags: ['accounts'],
  summary: 'A session for the code of a sign-in with another service',
  description: 'For programs. A code is good for one minute and for one try.',
  body: Type.Object(
    {
      code: Type.String({ minLength: 1, maxLength: 100 }),
      verifier: Type.String({
        minLength: 43,
        maxLength: 128,
        description: 'What the `challenge` of the beginning was made of.',
      }),
    },
    { additionalProperties: false },
  ),
  response: { 200: ref(SignedInBody), 202: ref(ChallengeBody), ...problems(413, 415) },
};

export function exchangeSignInCode(app: HttpServer, { core, publicUrl }: RestOptions): void {
  const config = { access: { kind: 'public' }, ignoreCredentials: true } as const;
  app.post('/auth/exchange', { config, schema }, async (request, reply) => {
    const { code, verifier } = request.body;
    const answer = await core.signInWith.providers.exchange(code, verifier, callerOf(request));
    return signInAnswer(request, reply, answer, { inCookie: false, publicUrl });
  });
}
