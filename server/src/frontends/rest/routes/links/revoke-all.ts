import { parseUid } from '#core/model/uid.ts';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { nothing, problems } from '../../problems.ts';
import { UidParams } from '../../schemas.ts';

const schema = {
  operationId: 'revokeFileLinks',
  tags: ['links'],
  summary: 'Revoke every link of a file',
  description: 'Links of the v0 interface included.',
  params: UidParams,
  response: { 204: nothing('No link opens the file any more.'), ...problems(404) },
};

export function revokeAllLinks(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'links' } } as const;
  app.delete('/files/:uid/links', { config, schema }, async (request, reply) => {
    const uid = parseUid(request.params.uid);
    await core.files.find(request.principal, uid);
    await core.links.revokeAll(request.principal, uid, callerOf(request));
    return reply.code(204).send(null);
  });
}
