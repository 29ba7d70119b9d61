import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import { IdParams } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { nothing, problems } from '../../problems.ts';

const schema = {
  operationId: 'deleteGroup',
  tags: ['groups'],
  summary: 'Delete a group',
  description: '409 while somebody is in it.',
  params: IdParams,
  response: { 204: nothing('The group is gone.'), ...problems(404, 409) },
};

export function deleteGroup(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.delete('/groups/:id', { config, schema }, async (request, reply) => {
    await core.groups.delete(request.params.id, callerOf(request));
    return reply.code(204).send(null);
  });
}
