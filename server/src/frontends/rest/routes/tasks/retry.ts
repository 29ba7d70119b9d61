import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import { IdParams } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';
import { TaskBody, taskBody } from '../../task-schemas.ts';

const schema = {
  operationId: 'retryTask',
  tags: ['tasks'],
  summary: 'Try a task again',
  description: 'One that has failed, was cancelled or waits is due now, with all its attempts.',
  params: IdParams,
  response: { 200: ref(TaskBody), ...problems(404, 409) },
};

export function retryTask(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.post('/tasks/:id/retry', { config, schema }, async (request) =>
    taskBody(await core.tasks.retry(request.params.id, callerOf(request))),
  );
}
