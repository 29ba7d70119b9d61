import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { BASE_PATH, type RestOptions } from '../../context.ts';
import { personOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';
import { sendText } from '../../send-text.ts';
import { previewBody } from '../../share-presenters.ts';
import { charset, EntryParams, PreviewBody } from '../../share-schemas.ts';

const config = { access: { kind: 'person' } } as const;

const preview = {
  operationId: 'getEntryPreview',
  tags: ['drive'],
  summary: 'How a file can be shown',
  description:
    'The paths take the access token; POST /drive/tickets makes one that a browser can show by itself.',
  params: EntryParams,
  response: { 200: ref(PreviewBody), ...problems(404, 409, 423) },
};

const text = {
  operationId: 'getEntryText',
  tags: ['drive'],
  summary: 'Read the beginning of a file as text',
  description:
    'In UTF-8. `X-Text-Charset` says what it is written in, `X-Text-Truncated` whether there is more.',
  params: EntryParams,
  querystring: Type.Object({ charset }),
  response: { 200: Type.String({ description: 'The text.' }), ...problems(404, 409, 415, 423) },
};

export function entryPreviews(app: HttpServer, { core }: RestOptions): void {
  const { drive } = core;
  app.get('/drive/entries/:id/preview', { config, schema: preview }, async (request) => {
    const entry = await drive.tree.find(personOf(request).userId, request.params.id);
    const { file } = await drive.content(entry);
    return previewBody(file, core.thumbnails.sizes, (what, query) => {
      const path = `${BASE_PATH}/drive/entries/${entry.id}/${what}`;
      return query === '' ? path : `${path}?${query}`;
    });
  });
  app.get('/drive/entries/:id/text', { config, schema: text }, async (request, reply) => {
    const entry = await drive.tree.find(personOf(request).userId, request.params.id);
    return sendText(request, reply, core, {
      content: await drive.content(entry),
      charset: request.query.charset,
    });
  });
}
