import { parseUid } from '#core/model/uid.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { nothing, problems } from '../../problems.ts';
import { UidParams } from '../../schemas.ts';

const schema = {
  operationId: 'deleteFile',
  tags: ['files'],
  summary: 'Delete a file',
  description: 'It is gone for readers at once. Repeating it is fine.',
  params: UidParams,
  response: { 204: nothing('The file is gone.'), ...problems(404) },
};

export function deleteFile(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'delete' } } as const;
  app.delete('/files/:uid', { config, schema }, async (request, reply) => {
    await core.files.delete(request.principal, parseUid(request.params.uid));
    return reply.code(204).send(null);
  });
}
