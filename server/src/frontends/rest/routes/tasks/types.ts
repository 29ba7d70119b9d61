import { Type } from 'typebox';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';
import { TaskTypeBody, TaskTypeListBody, taskTypeBody } from '../../task-schemas.ts';

const tags = ['tasks'];
const config = { access: { kind: 'service', scope: 'admin' } } as const;
const TypeParams = Type.Object({ type: Type.String({ minLength: 1, maxLength: 64 }) });

const CONTROLS = [
  [
    'pause',
    'pauseTaskType',
    'Pause a type of tasks',
    'From the answer on no task of the type starts on any node, also after a restart; those that run go on to their end.',
  ],
  ['resume', 'resumeTaskType', 'Resume a type of tasks', 'What has waited meanwhile starts.'],
] as const;

export function listTaskTypes(app: HttpServer, { core }: RestOptions): void {
  const schema = {
    ...{ operationId: 'listTaskTypes', tags, summary: 'List types of tasks' },
    description: 'How much of each waits and runs, what is paused, and when recurring work runs.',
    response: { 200: ref(TaskTypeListBody) },
  };
  app.get('/task-types', { config, schema }, async () => ({
    types: (await core.tasks.types()).map(taskTypeBody),
  }));
}

export function controlTaskType(app: HttpServer, { core }: RestOptions): void {
  for (const [action, operationId, summary, description] of CONTROLS) {
    const response = { 200: ref(TaskTypeBody), ...problems(404) };
    const schema = { operationId, tags, summary, description, params: TypeParams, response };
    app.post(`/task-types/:type/${action}`, { config, schema }, async (request) =>
      taskTypeBody(await core.tasks[action](request.params.type, callerOf(request))),
    );
  }
}
