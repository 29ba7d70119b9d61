import { Type } from 'typebox';
import { parseUid } from '#core/model/uid.ts';
import { publicBaseOf } from '../../../http/public-base.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { emptyWithoutBody } from '../../optional-body.ts';
import { newLinkBody } from '../../presenters.ts';
import { problems } from '../../problems.ts';
import { Disposition, expiresIn, NewLinkBody, ref, UidParams } from '../../schemas.ts';

const Body = Type.Object(
  {
    expiresIn,
    disposition: Disposition,
    maxUses: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Downloads allowed in all.' }),
    ),
  },
  { additionalProperties: false, description: 'The body may be left out.' },
);

const schema = {
  operationId: 'createFileLink',
  tags: ['links'],
  summary: 'Make a link to read a file',
  description: 'Whoever has the URL can read this file, and nothing else, until it expires or is revoked.',
  params: UidParams,
  body: Body,
  response: { 201: ref(NewLinkBody), ...problems(404, 413, 415) },
};

export function createReadLink(app: HttpServer, options: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'links' } } as const;
  app.post(
    '/files/:uid/links',
    { config, schema, preValidation: emptyWithoutBody },
    async (request, reply) => {
      const { expiresIn: seconds, disposition = 'inline', maxUses } = request.body;
      const created = await options.core.links.create(request.principal, {
        disposition,
        maxUses,
        uid: parseUid(request.params.uid),
        scope: 'read',
        expiresInSeconds: seconds ?? options.defaultExpireSeconds,
      });
      reply.code(201);
      return newLinkBody(created, publicBaseOf(request, options.publicUrl));
    },
  );
}
