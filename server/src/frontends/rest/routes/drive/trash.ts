import { Type } from 'typebox';
import type { TimePlace } from '#core/ports/metadata/entries.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import {
  decodePlace,
  driveTaskBody,
  encodePlace,
  entriesBody,
  isTimePlace,
  oneEntryBody,
} from '../../drive-presenters.ts';
import {
  Conflict,
  DriveTaskBody,
  EntryBody,
  EntryId,
  EntryListBody,
  EntryParams,
  PageQuery,
} from '../../drive-schemas.ts';
import { emptyWithoutBody } from '../../optional-body.ts';
import { personOf } from '../../person.ts';
import { nothing, problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const config = { access: { kind: 'person' } } as const;

const listSchema = {
  operationId: 'listTrash',
  tags: ['drive'],
  summary: 'List what is in the trash',
  description: 'What was put away last comes first. What is in a trashed folder is not listed by itself.',
  querystring: Type.Object(PageQuery),
  response: { 200: ref(EntryListBody) },
};

export function listTrash(app: HttpServer, { core }: RestOptions): void {
  app.get('/drive/trash', { config, schema: listSchema }, async (request) => {
    const { cursor, limit = 100 } = request.query;
    const after = decodePlace<TimePlace>(cursor, isTimePlace);
    const { entries, next } = await core.drive.trash.list(personOf(request).userId, after, limit);
    return { entries: await entriesBody(core, entries), next: encodePlace(next) };
  });
}

const restoreSchema = {
  operationId: 'restoreEntry',
  tags: ['drive'],
  summary: 'Take an entry out of the trash',
  description:
    'To where it was, or into the folder that is named. 409 where its folder is gone and none is named.',
  params: EntryParams,
  body: Type.Object(
    { parentId: Type.Optional(EntryId), conflict: Conflict },
    { additionalProperties: false },
  ),
  response: { 200: ref(EntryBody), ...problems(404, 409, 415) },
};

export function restoreEntry(app: HttpServer, { core }: RestOptions): void {
  const options = { config, schema: restoreSchema, preValidation: emptyWithoutBody };
  app.post('/drive/trash/:id/restore', options, async (request) => {
    const { parentId, conflict = 'fail' } = request.body;
    const wanted = { parentId, conflict };
    return oneEntryBody(
      core,
      await core.drive.structure.restore(personOf(request).userId, request.params.id, wanted),
    );
  });
}

const REMOVED = {
  202: ref(DriveTaskBody),
  204: nothing('It is gone.'),
};

const deleteSchema = {
  operationId: 'deleteEntry',
  tags: ['drive'],
  summary: 'Remove something in the trash for good',
  description:
    'A folder with more than a thousand entries leaves the trash at once, and a task removes what is in it (202).',
  params: EntryParams,
  response: { ...REMOVED, ...problems(404) },
};

export function deleteEntry(app: HttpServer, { core }: RestOptions): void {
  app.delete('/drive/trash/:id', { config, schema: deleteSchema }, async (request, reply) => {
    const job = await core.drive.trash.remove(personOf(request).userId, request.params.id);
    return job === undefined ? reply.code(204).send(null) : reply.code(202).send(driveTaskBody(job));
  });
}

const emptySchema = {
  operationId: 'emptyTrash',
  tags: ['drive'],
  summary: 'Remove everything in the trash for good',
  description: 'Where that is much a task does it (202). What is put into the trash meanwhile stays.',
  response: REMOVED,
};

export function emptyTrash(app: HttpServer, { core }: RestOptions): void {
  app.delete('/drive/trash', { config, schema: emptySchema }, async (request, reply) => {
    const job = await core.drive.trash.empty(personOf(request).userId);
    return job === undefined ? reply.code(204).send(null) : reply.code(202).send(driveTaskBody(job));
  });
}
