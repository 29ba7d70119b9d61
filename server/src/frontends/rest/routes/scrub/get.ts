import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { ref } from '../../schemas.ts';
import { ScrubBody, scrubBody } from '../../scrub-schemas.ts';

const schema = {
  operationId: 'getScrub',
  tags: ['stores'],
  summary: 'What reading stored content again has found',
  response: { 200: ref(ScrubBody) },
};

export function getScrub(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.get('/scrub', { config, schema }, async () => scrubBody(await core.scrub.report()));
}
