import { Type } from 'typebox';
import { parseUid } from '#core/model/uid.ts';
import { publicBaseOf } from '../../../http/public-base.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { emptyWithoutBody } from '../../optional-body.ts';
import { newLinkBody } from '../../presenters.ts';
import { problems } from '../../problems.ts';
import { expiresIn, NewLinkBody, ref, UidParams } from '../../schemas.ts';

const schema = {
  operationId: 'createUploadLink',
  tags: ['links'],
  summary: 'Make a link to send an upload',
  description:
    'Whoever has the URL can send, complete and give up this upload, and nothing else, until it expires. Add `?link=<token>` to the paths below the upload.',
  params: UidParams,
  body: Type.Object({ expiresIn }, { additionalProperties: false, description: 'The body may be left out.' }),
  response: { 201: ref(NewLinkBody), ...problems(404, 413, 415) },
};

export function createWriteLink(app: HttpServer, options: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'links' } } as const;
  app.post(
    '/uploads/:uid/links',
    { config, schema, preValidation: emptyWithoutBody },
    async (request, reply) => {
      const created = await options.core.links.create(request.principal, {
        uid: parseUid(request.params.uid),
        scope: 'write',
        disposition: 'attachment',
        expiresInSeconds: request.body.expiresIn ?? options.defaultExpireSeconds,
      });
      reply.code(201);
      return newLinkBody(created, publicBaseOf(request, options.publicUrl));
    },
  );
}
