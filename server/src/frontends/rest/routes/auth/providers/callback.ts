import { Type } from 'typebox';
import { callerOf } from '../../../../http/caller.ts';
import { returnBaseOf } from '../../../../http/public-base.ts';
import type { HttpServer } from '../../../../http/server.ts';
import { bindingsOf, keepBindings } from '../../../browser-binding.ts';
import type { RestOptions } from '../../../context.ts';
import { ProviderParams } from '../../../identity-schemas.ts';
import { nothing, problems } from '../../../problems.ts';
import { signedInAnswer } from '../../../refresh-cookie.ts';

const PENDING_SECONDS = 600;

const schema = {
  operationId: 'finishSignInWith',
  tags: ['accounts'],
  summary: 'Where another service sends browsers back to',
  description:
    'The address to register with it. Goes on at `returnTo` of the beginning; `signInError` and `provider` in its query say that it failed, and why.',
  params: ProviderParams,
  querystring: Type.Object({
    state: Type.Optional(Type.String()),
    code: Type.Optional(Type.String()),
    error: Type.Optional(Type.String()),
  }),
  response: { 303: nothing('On to where the sign-in was begun.'), ...problems(404, 410) },
};

export function finishSignInWith(app: HttpServer, { core, publicUrl }: RestOptions): void {
  const config = { access: { kind: 'public' }, ignoreCredentials: true } as const;
  const options = { config, schema, exposeHeadRoute: false };
  app.get('/auth/providers/:provider/callback', options, async (request, reply) => {
    const base = returnBaseOf(request, publicUrl);
    const answer = new URL(request.url, 'http://here.invalid').searchParams;
    const kept = bindingsOf(request, base);
    const { provider } = request.params;
    const ending = await core.signInWith.providers.finish(provider, answer, kept, callerOf(request));
    keepBindings(
      reply,
      kept.filter((one) => one !== ending.browser),
      base,
      PENDING_SECONDS,
    );
    if (ending.kind === 'signed-in')
      signedInAnswer(request, reply, ending.signedIn, { inCookie: true, publicUrl });
    reply.header('referrer-policy', 'no-referrer');
    return reply.redirect(ending.returnTo, 303);
  });
}
