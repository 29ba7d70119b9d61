import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { taskBody } from '../../admin-presenters.ts';
import { TaskListBody } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { ref } from '../../schemas.ts';

const PAGE = 100;

const schema = {
  operationId: 'listTasks',
  tags: ['tasks'],
  summary: 'List background work',
  description: 'The newest tasks; those that failed for good say why and can be tried again.',
  querystring: Type.Object({
    state: Type.Optional(Type.Enum(['pending', 'running', 'done', 'failed', 'cancelled'])),
    type: Type.Optional(Type.String({ minLength: 1, maxLength: 64, examples: ['transfer'] })),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, default: PAGE, description: 'Most tasks that are listed.' }),
    ),
  }),
  response: { 200: ref(TaskListBody) },
};

export function listTasks(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.get('/tasks', { config, schema }, async (request) => {
    const { state, type, limit = PAGE } = request.query;
    const filter = { ...(state === undefined ? {} : { state }), ...(type === undefined ? {} : { type }) };
    return { tasks: (await core.tasks.list(filter, limit)).map(taskBody) };
  });
}
