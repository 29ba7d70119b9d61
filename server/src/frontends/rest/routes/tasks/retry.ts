import type { HttpServer } from '../../../http/server.ts';
import { taskBody } from '../../admin-presenters.ts';
import { IdParams, TaskBody } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'retryTask',
  tags: ['tasks'],
  summary: 'Try a task again',
  description: 'One that has failed or waits runs now, with all its attempts.',
  params: IdParams,
  response: { 200: ref(TaskBody), ...problems(404, 409) },
};

export function retryTask(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.post('/tasks/:id/retry', { config, schema }, async (request) =>
    taskBody(await core.tasks.retry(request.params.id)),
  );
}
