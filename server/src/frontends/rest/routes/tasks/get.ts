import type { HttpServer } from '../../../http/server.ts';
import { IdParams } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';
import { TaskReportBody, taskReportBody } from '../../task-schemas.ts';

const schema = {
  operationId: 'getTask',
  tags: ['tasks'],
  summary: 'Get a task',
  description: 'With what it works on, how far it has come, and what each attempt ended with.',
  params: IdParams,
  response: { 200: ref(TaskReportBody), ...problems(404) },
};

export function getTask(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.get('/tasks/:id', { config, schema }, async (request) =>
    taskReportBody(await core.tasks.report(request.params.id)),
  );
}
