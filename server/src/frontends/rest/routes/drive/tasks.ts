import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { driveTaskBody } from '../../drive-presenters.ts';
import { DriveTaskBody, TaskParams } from '../../drive-schemas.ts';
import { personOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const config = { access: { kind: 'person' } } as const;

const getSchema = {
  operationId: 'getDriveTask',
  tags: ['drive'],
  summary: 'How far a large copy or removal is',
  description: 'Kept for a week behind its end.',
  params: TaskParams,
  response: { 200: ref(DriveTaskBody), ...problems(404) },
};

export function getDriveTask(app: HttpServer, { core }: RestOptions): void {
  app.get('/drive/tasks/:id', { config, schema: getSchema }, async (request) =>
    driveTaskBody(await core.drive.jobs.find(personOf(request).userId, request.params.id)),
  );
}

const cancelSchema = {
  operationId: 'cancelDriveTask',
  tags: ['drive'],
  summary: 'Cancel a large copy',
  description: 'What it has made is removed. A removal cannot be cancelled.',
  params: TaskParams,
  response: { 200: ref(DriveTaskBody), ...problems(404, 409) },
};

export function cancelDriveTask(app: HttpServer, { core }: RestOptions): void {
  app.delete('/drive/tasks/:id', { config, schema: cancelSchema }, async (request) =>
    driveTaskBody(await core.drive.jobs.cancel(personOf(request).userId, request.params.id)),
  );
}
