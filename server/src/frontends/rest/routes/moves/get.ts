import type { HttpServer } from '../../../http/server.ts';
import { moveReportBody } from '../../admin-presenters.ts';
import { IdParams, MoveReportBody } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'getMove',
  tags: ['stores'],
  summary: 'Progress and report of a move',
  params: IdParams,
  response: { 200: ref(MoveReportBody), ...problems(404) },
};

export function getMove(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.get('/moves/:id', { config, schema }, async (request) =>
    moveReportBody(await core.moves.report(request.params.id)),
  );
}
