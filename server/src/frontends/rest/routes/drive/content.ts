import { Type } from 'typebox';
import { sendFile } from '../../../http/send-file.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { EntryParams, VersionParams } from '../../drive-schemas.ts';
import { entryTag } from '../../entry-tag.ts';
import { personOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { Bytes, ContentHeaders, Disposition } from '../../schemas.ts';

const config = { access: { kind: 'person' } } as const;

const READING = {
  tags: ['drive'],
  description:
    'Ranges, preconditions and HEAD as in RFC 9110. Types that a browser could run are always sent as attachment.',
  querystring: Type.Object({ disposition: Disposition }),
  headers: ContentHeaders,
  response: {
    200: Bytes('The whole content.'),
    206: Bytes('The ranges that were asked for.'),
    304: Type.Null({ description: 'What you have is still good.' }),
    ...problems(404, 409, 412, 416, 423),
  },
};

const schema = { operationId: 'getEntryContent', summary: 'Read a file', params: EntryParams, ...READING };

export function entryContent(app: HttpServer, { core }: RestOptions): void {
  app.get('/drive/entries/:id/content', { config, schema }, async (request, reply) => {
    const { disposition = 'inline' } = request.query;
    const entry = await core.drive.tree.find(personOf(request).userId, request.params.id);
    const content = await core.drive.content(entry);
    const etag = entryTag(entry);
    return sendFile(request, reply, { content, downloads: core.downloads, disposition, etag });
  });
}

const versionSchema = {
  operationId: 'getVersionContent',
  summary: 'Read an earlier content of a file',
  params: VersionParams,
  ...READING,
};

export function versionContent(app: HttpServer, { core }: RestOptions): void {
  const options = { config, schema: versionSchema };
  app.get('/drive/entries/:id/versions/:version/content', options, async (request, reply) => {
    const { disposition = 'inline' } = request.query;
    const { id, version: wanted } = request.params;
    const { entry, version } = await core.drive.versions.find(personOf(request).userId, id, wanted);
    const content = await core.drive.content(entry, version);
    const etag = entryTag({ id, version: wanted });
    return sendFile(request, reply, { content, downloads: core.downloads, disposition, etag });
  });
}
