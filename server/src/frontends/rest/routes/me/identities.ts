import { Type } from 'typebox';
import { callerOf } from '../../../http/caller.ts';
import { returnBaseOf } from '../../../http/public-base.ts';
import type { HttpServer } from '../../../http/server.ts';
import { PresentPassword } from '../../account-schemas.ts';
import { IdParams } from '../../admin-schemas.ts';
import { bindingsOf, keepBindings } from '../../browser-binding.ts';
import type { RestOptions } from '../../context.ts';
import { IdentityListBody, identityBody, ProviderParams } from '../../identity-schemas.ts';
import { emptyWithoutBody } from '../../optional-body.ts';
import { personOf, shownBy } from '../../person.ts';
import { nothing, problems } from '../../problems.ts';
import { callbackOf } from '../../provider-callback.ts';
import { ref } from '../../schemas.ts';

const config = { access: { kind: 'person' } } as const;

const list = {
  operationId: 'listIdentities',
  tags: ['accounts'],
  summary: 'List identities',
  description: 'Who the user is at other services, by which the user can sign in here.',
  response: { 200: ref(IdentityListBody) },
};

const link = {
  operationId: 'beginLinking',
  tags: ['accounts'],
  summary: 'Begin to link an identity',
  description:
    'Gives the address of the service at which the user shows who that is; the same browser must go there within ten minutes. It comes back to `returnTo`, whose query then says `linked`, or `signInError` and why.',
  params: ProviderParams,
  body: Type.Object(
    {
      returnTo: Type.Optional(
        Type.String({ maxLength: 1024, description: 'A path of this service; "/" without it.' }),
      ),
      password: PresentPassword,
    },
    { additionalProperties: false },
  ),
  response: {
    200: Type.Object({ url: Type.String() }, { description: 'Where the browser has to go.' }),
    ...problems(404, 413, 415),
  },
};

const unlink = {
  operationId: 'unlinkIdentity',
  tags: ['accounts'],
  summary: 'Unlink an identity',
  description: 'Refused when the user could not sign in any more.',
  params: IdParams,
  response: { 204: nothing('It is unlinked.'), ...problems(404, 409) },
};

export function myIdentities(app: HttpServer, { core, publicUrl }: RestOptions): void {
  const { providers, identities } = core.signInWith;
  app.get('/me/identities', { config, schema: list }, async (request) => {
    const titles = new Map(providers.list().map(({ name, title }) => [name, title]));
    const all = await identities.list(personOf(request).userId);
    return { identities: all.map((one) => identityBody(one, titles.get(one.provider))) };
  });

  const linking = { config, schema: link, preValidation: emptyWithoutBody };
  app.post('/me/identities/:provider/begin', linking, async (request, reply) => {
    const { provider } = request.params;
    const base = returnBaseOf(request, publicUrl);
    const { returnTo, password } = request.body;
    const linking = shownBy(request, password);
    const wanted = { redirectUri: callbackOf(base, provider), returnTo, linking };
    const begun = await providers.begin(provider, wanted, callerOf(request));
    keepBindings(reply, [...bindingsOf(request, base), begun.browser], base, begun.seconds);
    return { url: begun.url.href };
  });

  app.delete('/me/identities/:id', { config, schema: unlink }, async (request, reply) => {
    await identities.unlink(personOf(request).userId, request.params.id, callerOf(request));
    return reply.code(204).send(null);
  });
}
