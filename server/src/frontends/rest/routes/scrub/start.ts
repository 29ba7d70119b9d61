import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';
import { ScrubBody, scrubBody } from '../../scrub-schemas.ts';

const schema = {
  operationId: 'startScrub',
  tags: ['stores'],
  summary: 'Read stored content again now',
  description: 'Begins with every store whose last round is over. 409 where scrubbing is switched off.',
  response: { 200: ref(ScrubBody), ...problems(409) },
};

export function startScrub(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.post('/scrub', { config, schema }, async (request) =>
    scrubBody(await core.scrub.start(callerOf(request))),
  );
}
