import { Type } from 'typebox';
import { TASK_STATES } from '#core/model/task.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { decodeTaskCursor, encodeTaskCursor } from '../../cursor.ts';
import { ref } from '../../schemas.ts';
import { TaskListBody, taskBody } from '../../task-schemas.ts';

const PAGE = 100;

const schema = {
  operationId: 'listTasks',
  tags: ['tasks'],
  summary: 'List background work',
  description: 'The newest tasks; those that failed for good say why and can be tried again.',
  querystring: Type.Object({
    state: Type.Optional(Type.Enum([...TASK_STATES])),
    type: Type.Optional(Type.String({ minLength: 1, maxLength: 64, examples: ['transfer'] })),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, default: PAGE, description: 'Tasks per page.' }),
    ),
    cursor: Type.Optional(Type.String({ description: '`next` of the page before.' })),
  }),
  response: { 200: ref(TaskListBody) },
};

export function listTasks(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.get('/tasks', { config, schema }, async (request) => {
    const { state, type, limit = PAGE, cursor } = request.query;
    const after = cursor === undefined ? undefined : decodeTaskCursor(cursor);
    const tasks = await core.tasks.list({ state, type, after }, limit);
    const last = tasks.length === limit ? tasks.at(-1) : undefined;
    return { tasks: tasks.map(taskBody), next: last === undefined ? null : encodeTaskCursor(last) };
  });
}
