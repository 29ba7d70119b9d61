import { Type } from 'typebox';
import type { ChildrenPage } from '#core/drive/tree.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { decodePlace, encodePlace, entriesBody, isEntryPlace, oneEntryBody } from '../../drive-presenters.ts';
import {
  Conflict,
  EntryBody,
  EntryId,
  EntryListBody,
  EntryName,
  EntryParams,
  PageQuery,
} from '../../drive-schemas.ts';
import { personOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const config = { access: { kind: 'person' } } as const;

const createSchema = {
  operationId: 'createFolder',
  tags: ['drive'],
  summary: 'Make a folder',
  body: Type.Object(
    { parentId: EntryId, name: EntryName, conflict: Conflict },
    { additionalProperties: false },
  ),
  response: { 201: ref(EntryBody), ...problems(404, 409, 415) },
};

export function createFolder(app: HttpServer, { core }: RestOptions): void {
  app.post('/drive/folders', { config, schema: createSchema }, async (request, reply) => {
    const { parentId, name, conflict = 'fail' } = request.body;
    const wanted = { parentId, name, conflict };
    const entry = await core.drive.structure.createFolder(personOf(request).userId, wanted);
    return reply.code(201).send(await oneEntryBody(core, entry));
  });
}

const listSchema = {
  operationId: 'listFolder',
  tags: ['drive'],
  summary: 'List a folder',
  description:
    'Folders first; they have no size, and go by name where files go by size. `time` is that of the content.',
  params: EntryParams,
  querystring: Type.Object({
    ...PageQuery,
    sort: Type.Optional(Type.Enum(['name', 'size', 'time'], { default: 'name' })),
    order: Type.Optional(Type.Enum(['asc', 'desc'], { default: 'asc' })),
  }),
  response: { 200: ref(EntryListBody), ...problems(404, 409) },
};

export function listFolder(app: HttpServer, { core }: RestOptions): void {
  app.get('/drive/folders/:id/entries', { config, schema: listSchema }, async (request) => {
    const { cursor, limit = 100, sort = 'name', order = 'asc' } = request.query;
    const after = decodePlace<NonNullable<ChildrenPage['after']>>(cursor, isEntryPlace);
    const page = { sort, descending: order === 'desc', after, limit };
    const { entries, next } = await core.drive.tree.children(
      personOf(request).userId,
      request.params.id,
      page,
    );
    return { entries: await entriesBody(core, entries), next: encodePlace(next) };
  });
}
