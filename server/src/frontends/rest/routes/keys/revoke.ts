import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { KeyParams } from '../../key-schemas.ts';
import { nothing, problems } from '../../problems.ts';

const schema = {
  operationId: 'revokeKey',
  tags: ['keys'],
  summary: 'Revoke a service key',
  description:
    'With every secret it has, within two seconds on every node; what it began is not ended. It stays in the list. Repeating it is fine.',
  params: KeyParams,
  response: { 204: nothing('The key opens nothing any more.'), ...problems(404) },
};

export function revokeKey(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.delete('/keys/:id', { config, schema }, async (request, reply) => {
    await core.keys.revoke(request.params.id, callerOf(request));
    return reply.code(204).send(null);
  });
}
