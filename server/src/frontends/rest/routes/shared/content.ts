import { Type } from 'typebox';
import { mayShowInline } from '../../../http/file-headers.ts';
import { sendFile } from '../../../http/send-file.ts';
import type { HttpServer } from '../../../http/server.ts';
import { sendZip } from '../../../http/zip/send-zip.ts';
import type { RestOptions } from '../../context.ts';
import { entryTag } from '../../entry-tag.ts';
import { problems } from '../../problems.ts';
import { Bytes, ContentHeaders } from '../../schemas.ts';
import { sendText } from '../../send-text.ts';
import { sendThumbnail } from '../../send-thumbnail.ts';
import { charset, EntryQuery, ShareHeaders, ShareParams, thumbnailSize } from '../../share-schemas.ts';
import { VISITOR, visitorOf } from '../../share-visitor.ts';

const visiting = { tags: ['shared'], params: ShareParams, headers: ShareHeaders };
const { entry } = EntryQuery.properties;
const bytes = {
  200: Bytes('The whole content.'),
  206: Bytes('The ranges that were asked for.'),
  304: Type.Null({ description: 'What you have is still good.' }),
};

const content = {
  ...visiting,
  operationId: 'getSharedContent',
  summary: 'Read a shared file',
  description:
    'Ranges, preconditions and HEAD as in RFC 9110. Counts as a download: each GET of the whole, and the first of several for ranges by the same visitor. A share that shows previews only gives what a browser can show, and always as inline.',
  querystring: Type.Object({
    entry,
    disposition: Type.Optional(Type.Enum(['attachment', 'inline'], { default: 'attachment' })),
  }),
  headers: Type.Object({ ...ContentHeaders.properties, ...ShareHeaders.properties }),
  response: { ...bytes, ...problems(404, 409, 410, 412, 416, 423) },
};

const zip = {
  ...visiting,
  operationId: 'getSharedZip',
  summary: 'Read a shared folder, or some of it, as one ZIP',
  description: 'Each GET counts as one download.',
  querystring: Type.Object({
    entries: Type.Optional(
      Type.String({
        pattern: '^\\d{1,19}(,\\d{1,19}){0,299}$',
        description: 'Ids with commas between; else everything.',
      }),
    ),
  }),
  response: { 200: Bytes('The ZIP.'), ...problems(404, 409, 410, 413) },
};

const thumbnail = {
  ...visiting,
  operationId: 'getSharedThumbnail',
  summary: 'Read a smaller picture of a shared image',
  querystring: Type.Object({ entry, size: thumbnailSize }),
  response: { ...bytes, ...problems(404, 409, 410, 412, 415, 416, 423) },
};

const text = {
  ...visiting,
  operationId: 'getSharedText',
  summary: 'Read the beginning of a shared file as text',
  description:
    'In UTF-8. `X-Text-Charset` says what it is written in, `X-Text-Truncated` whether there is more; where there is none, a GET counts as one for ranges of the file does.',
  querystring: Type.Object({ entry, charset }),
  response: { 200: Type.String({ description: 'The text.' }), ...problems(404, 409, 410, 415, 423) },
};

export function readShared(app: HttpServer, { core }: RestOptions): void {
  const { drive } = core.shares;
  app.get('/shared/:share/content', { config: VISITOR, schema: content }, async (request, reply) => {
    const { entry: id, disposition = 'attachment' } = request.query;
    const found = await drive.content(visitorOf(request), id, mayShowInline);
    const fetched = {
      userAgent: request.headers['user-agent'],
      ranged: request.headers.range !== undefined,
    };
    return sendFile(request, reply, {
      ...{ content: found.content, downloads: core.downloads, etag: entryTag(found.entry) },
      disposition: found.visit.share.permission === 'view' ? 'inline' : disposition,
      beforeBytes: () => found.count(fetched),
    });
  });
  app.get('/shared/:share/zip', { config: VISITOR, schema: zip }, async (request, reply) => {
    const entryIds = request.query.entries?.split(',') ?? [];
    const wish = {
      ...{ entryIds, counted: request.method === 'GET', userAgent: request.headers['user-agent'] },
    };
    return sendZip(request, reply, await drive.archive(visitorOf(request), wish, request.abort));
  });
  app.get('/shared/:share/thumbnail', { config: VISITOR, schema: thumbnail }, async (request, reply) => {
    const { entry: id, size: box = 256 } = request.query;
    const found = await drive.derived(visitorOf(request), id, request.headers['user-agent']);
    const etagOf = (variant: string) => entryTag(found.entry, variant);
    return sendThumbnail(core, { request, reply }, found.content, { box, disposition: 'inline', etagOf });
  });
  app.get('/shared/:share/text', { config: VISITOR, schema: text }, async (request, reply) => {
    const { entry: id, charset } = request.query;
    const { content, count } = await drive.derived(visitorOf(request), id, request.headers['user-agent']);
    return sendText(request, reply, core, { content, charset, beforeWhole: count });
  });
}
