import type { HttpServer } from '../../../http/server.ts';
import { moveBody } from '../../admin-presenters.ts';
import { MoveListBody } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'listMoves',
  tags: ['stores'],
  summary: 'List moves',
  response: { 200: ref(MoveListBody) },
};

export function listMoves(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.get('/moves', { config, schema }, async () => ({ moves: (await core.moves.list()).map(moveBody) }));
}
