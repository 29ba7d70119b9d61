import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { decodeCursor, encodeCursor } from '../../cursor.ts';
import { fileBody } from '../../presenters.ts';
import { FileListBody, ref } from '../../schemas.ts';
import { serviceOf } from '../../service.ts';

const PAGE = 100;

const schema = {
  operationId: 'listFiles',
  tags: ['files'],
  summary: 'List files',
  description:
    'Your files, newest first; those of everybody with the admin scope. Files that are added meanwhile do not move the pages.',
  querystring: Type.Object({
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, default: PAGE, description: 'Files per page.' }),
    ),
    cursor: Type.Optional(Type.String({ description: '`next` of the page before.' })),
    prefix: Type.Optional(Type.String({ description: 'Only names that begin with this text.' })),
  }),
  response: { 200: ref(FileListBody) },
};

export function listFiles(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'read' } } as const;
  app.get('/files', { config, schema }, async (request) => {
    const { limit = PAGE, cursor, prefix } = request.query;
    const page = await core.files.list(serviceOf(request.principal), {
      after: cursor === undefined ? undefined : decodeCursor(cursor),
      limit,
      namePrefix: prefix === '' ? undefined : prefix,
    });
    return {
      files: page.files.map((file) => fileBody(file, request.principal)),
      next: page.next === undefined ? null : encodeCursor(page.next),
    };
  });
}
