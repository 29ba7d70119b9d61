import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { driveTaskBody, oneEntryBody } from '../../drive-presenters.ts';
import {
  Conflict,
  DriveTaskBody,
  EntryBody,
  EntryDetailsBody,
  EntryId,
  EntryName,
  EntryParams,
} from '../../drive-schemas.ts';
import { personOf } from '../../person.ts';
import { nothing, problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const config = { access: { kind: 'person' } } as const;

const getSchema = {
  operationId: 'getEntry',
  tags: ['drive'],
  summary: 'What is known about an entry, and where it is',
  params: EntryParams,
  response: { 200: ref(EntryDetailsBody), ...problems(404) },
};

export function getEntry(app: HttpServer, { core }: RestOptions): void {
  app.get('/drive/entries/:id', { config, schema: getSchema }, async (request) => {
    const [entry, ...above] = await core.drive.tree.lineage(personOf(request).userId, request.params.id);
    const path = above.toReversed().map(({ id, name }) => ({ id, name }));
    return { ...(await oneEntryBody(core, entry)), path };
  });
}

const changeSchema = {
  operationId: 'changeEntry',
  tags: ['drive'],
  summary: 'Rename, move or star an entry',
  description:
    'What is left out stays. A folder of any size moves at once, and never into itself. With `conflict: replace` a file that is moved becomes the newest version of the one that is there, and the answer is that entry.',
  params: EntryParams,
  body: Type.Object(
    {
      name: Type.Optional(EntryName),
      parentId: Type.Optional(EntryId),
      conflict: Conflict,
      starred: Type.Optional(Type.Boolean({ description: 'Whether it is among the favourites.' })),
    },
    { additionalProperties: false },
  ),
  response: { 200: ref(EntryBody), ...problems(404, 409, 415) },
};

export function changeEntry(app: HttpServer, { core }: RestOptions): void {
  app.patch('/drive/entries/:id', { config, schema: changeSchema }, async (request) => {
    const { userId } = personOf(request);
    const { name, parentId, conflict = 'fail', starred } = request.body;
    let entry = await core.drive.tree.find(userId, request.params.id);
    if (name !== undefined || parentId !== undefined) {
      entry = await core.drive.rename(userId, entry.id, { name, parentId, conflict }, request.abort);
    }
    if (starred !== undefined) entry = await core.drive.structure.star(userId, entry.id, starred);
    return oneEntryBody(core, entry);
  });
}

const copySchema = {
  operationId: 'copyEntry',
  tags: ['drive'],
  summary: 'Copy an entry',
  description:
    'No bytes move, but the copy counts like any other file. A folder with more than a thousand entries is copied by a task (202), and appears when it is whole.',
  params: EntryParams,
  body: Type.Object(
    { parentId: EntryId, name: Type.Optional(EntryName), conflict: Conflict },
    { additionalProperties: false },
  ),
  response: { 201: ref(EntryBody), 202: ref(DriveTaskBody), ...problems(404, 409, 415, 507) },
};

export function copyEntry(app: HttpServer, { core }: RestOptions): void {
  app.post('/drive/entries/:id/copy', { config, schema: copySchema }, async (request, reply) => {
    const { parentId, name, conflict = 'fail' } = request.body;
    const wanted = { parentId, name, conflict };
    const { entry, job } = await core.drive.copies.copy(personOf(request).userId, request.params.id, wanted);
    if (job !== undefined) return reply.code(202).send(driveTaskBody(job));
    return reply.code(201).send(await oneEntryBody(core, entry));
  });
}

const trashSchema = {
  operationId: 'trashEntry',
  tags: ['drive'],
  summary: 'Put an entry into the trash',
  description: 'With all that is in it. It keeps counting until it is removed for good.',
  params: EntryParams,
  response: { 204: nothing('It is in the trash.'), ...problems(404) },
};

export function trashEntry(app: HttpServer, { core }: RestOptions): void {
  app.delete('/drive/entries/:id', { config, schema: trashSchema }, async (request, reply) => {
    await core.drive.structure.trash(personOf(request).userId, request.params.id);
    return reply.code(204).send(null);
  });
}
