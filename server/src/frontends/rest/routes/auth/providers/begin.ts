import { Type } from 'typebox';
import { callerOf } from '../../../../http/caller.ts';
import { returnBaseOf } from '../../../../http/public-base.ts';
import type { HttpServer } from '../../../../http/server.ts';
import { bindingsOf, keepBindings } from '../../../browser-binding.ts';
import type { RestOptions } from '../../../context.ts';
import { ProviderParams } from '../../../identity-schemas.ts';
import { nothing, problems } from '../../../problems.ts';
import { callbackOf } from '../../../provider-callback.ts';

const schema = {
  operationId: 'beginSignInWith',
  tags: ['accounts'],
  summary: 'Begin to sign in with another service',
  description:
    'For a browser, which is sent to the service. When it comes back it is signed in by the refresh cookie and goes on at `returnTo`. A program names its own loopback address and a `challenge` instead, and gets a code there that it exchanges.',
  params: ProviderParams,
  querystring: Type.Object({
    returnTo: Type.Optional(
      Type.String({
        maxLength: 1024,
        description:
          'A path of this service, "/" without it; with `challenge` an address such as http://127.0.0.1:49152/.',
      }),
    ),
    challenge: Type.Optional(
      Type.String({ description: 'Base64url of the SHA-256 of a verifier that the program keeps.' }),
    ),
  }),
  response: { 302: nothing('To the sign-in page of the service.'), ...problems(404) },
};

export function beginSignInWith(app: HttpServer, { core, publicUrl }: RestOptions): void {
  const config = { access: { kind: 'public' }, ignoreCredentials: true } as const;
  const options = { config, schema, exposeHeadRoute: false };
  app.get('/auth/providers/:provider/begin', options, async (request, reply) => {
    const { provider } = request.params;
    const base = returnBaseOf(request, publicUrl);
    const { returnTo, challenge } = request.query;
    const wanted = { redirectUri: callbackOf(base, provider), returnTo, challenge };
    const begun = await core.signInWith.providers.begin(provider, wanted, callerOf(request));
    keepBindings(reply, [...bindingsOf(request, base), begun.browser], base, begun.seconds);
    reply.header('referrer-policy', 'no-referrer');
    return reply.redirect(begun.url.href, 302);
  });
}
