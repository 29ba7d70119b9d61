import { parseUid } from '#core/model/uid.ts';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { nothing, problems } from '../../problems.ts';
import { UidParams } from '../../schemas.ts';

const schema = {
  operationId: 'revokeUploadLinks',
  tags: ['links'],
  summary: 'Revoke every link of an upload',
  description:
    'Once it is complete, those of its file too. An upload link of the v0 interface ends when the upload is given up.',
  params: UidParams,
  response: { 204: nothing('No link of the REST interface opens the upload any more.'), ...problems(404) },
};

export function revokeAllWriteLinks(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'links' } } as const;
  app.delete('/uploads/:uid/links', { config, schema }, async (request, reply) => {
    const uid = parseUid(request.params.uid);
    await core.uploads.find(request.principal, uid);
    await core.links.revokeAll(request.principal, uid, callerOf(request));
    return reply.code(204).send(null);
  });
}
