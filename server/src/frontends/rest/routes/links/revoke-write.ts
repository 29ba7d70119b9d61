import { parseUid } from '#core/model/uid.ts';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { nothing, problems } from '../../problems.ts';
import { LinkParams } from '../../schemas.ts';

const schema = {
  operationId: 'revokeUploadLink',
  tags: ['links'],
  summary: 'Revoke a link of an upload',
  description: 'Takes effect for every request that starts afterwards. Repeating it is fine.',
  params: LinkParams,
  response: { 204: nothing('The link opens nothing any more.'), ...problems(404) },
};

export function revokeWriteLink(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'links' } } as const;
  app.delete('/uploads/:uid/links/:id', { config, schema }, async (request, reply) => {
    const uid = parseUid(request.params.uid);
    await core.uploads.find(request.principal, uid);
    await core.links.revoke(uid, request.params.id, callerOf(request));
    return reply.code(204).send(null);
  });
}
