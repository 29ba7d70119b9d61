import { Type } from 'typebox';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import { IdParams } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { emptyWithoutBody } from '../../optional-body.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';
import { TaskBody, taskBody } from '../../task-schemas.ts';

const schema = {
  operationId: 'cancelTask',
  tags: ['tasks'],
  summary: 'Cancel a task',
  description:
    'One that waits is cancelled at once. The node that runs one is asked to end it: the answer then says `running` with `cancelRequestedAt`, and the task is cancelled some seconds later, unless it was done before that.',
  params: IdParams,
  body: Type.Object(
    {
      reason: Type.Optional(
        Type.String({ minLength: 1, maxLength: 1000, description: 'Becomes its `lastError`.' }),
      ),
    },
    { additionalProperties: false, description: 'The body may be left out.' },
  ),
  response: { 200: ref(TaskBody), ...problems(404, 409, 413, 415) },
};

export function cancelTask(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  const options = { config, schema, preValidation: emptyWithoutBody };
  app.post('/tasks/:id/cancel', options, async (request) =>
    taskBody(await core.tasks.cancel(request.params.id, callerOf(request), request.body.reason)),
  );
}
