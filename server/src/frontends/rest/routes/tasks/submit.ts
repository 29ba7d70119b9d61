import { Type } from 'typebox';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';
import { TaskBody, taskBody } from '../../task-schemas.ts';

const schema = {
  operationId: 'submitTask',
  tags: ['tasks'],
  summary: 'Submit background work',
  description: 'Of a type of your own, which a module of `tasks.handlers` has, unless it holds files back.',
  body: Type.Object(
    {
      type: Type.String({ minLength: 1, maxLength: 64, examples: ['my-task'] }),
      payload: Type.Optional(
        Type.Object({}, { additionalProperties: true, description: 'What the schema of the type asks for.' }),
      ),
      key: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 200,
          description: 'At most one task of a type and key waits or runs.',
        }),
      ),
      delaySeconds: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 31_536_000,
          default: 0,
          description: 'When it is due, from now.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  response: { 201: ref(TaskBody), ...problems(409, 413, 415) },
};

export function submitTask(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.post('/tasks', { config, schema }, async (request, reply) => {
    const { type, payload = {}, key, delaySeconds = 0 } = request.body;
    const runAt = core.clock.now() + delaySeconds * 1000;
    const task = await core.submission.submit({ type, payload, key, runAt }, callerOf(request));
    return reply.code(201).send(taskBody(task));
  });
}
