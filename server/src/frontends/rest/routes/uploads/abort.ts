import { parseUid } from '#core/model/uid.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { nothing, problems } from '../../problems.ts';
import { UidParams } from '../../schemas.ts';

const schema = {
  operationId: 'abortUpload',
  tags: ['uploads'],
  summary: 'Give an upload up',
  description: 'Its parts are removed. Repeating it is fine; a completed upload answers 409.',
  params: UidParams,
  response: { 204: nothing('The upload is over.'), ...problems(404, 409) },
};

export function abortUpload(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'write', link: 'write', person: true } } as const;
  app.delete('/uploads/:uid', { config, schema }, async (request, reply) => {
    const uid = parseUid(request.params.uid);
    await core.uploads.find(request.principal, uid);
    await core.uploads.abort(uid);
    return reply.code(204).send(null);
  });
}
