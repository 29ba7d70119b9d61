import { Type } from 'typebox';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { Reason, RedriveBody } from '../../media-schemas.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'redriveMedia',
  tags: ['files'],
  summary: 'Look again at contents that were refused',
  querystring: Type.Object({ reason: Type.Optional(Reason) }),
  response: { 200: ref(RedriveBody) },
};

export function redriveMedia(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.post('/media/redrive', { config, schema }, async (request) => ({
    count: await core.mediaBoard.redrive(request.query.reason, callerOf(request)),
  }));
}
