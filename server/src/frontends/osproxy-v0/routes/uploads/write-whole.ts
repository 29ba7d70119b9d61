import { Type } from 'typebox';
import { parseHexDigest } from '#core/digests.ts';
import { receiveFormFile } from '../../../http/multipart.ts';
import type { HttpServer } from '../../../http/server.ts';
import { noteUpload } from '../../../http/usage.ts';
import { OPEN, type V0Context } from '../../context.ts';
import { answers, NOTHING, ok } from '../../envelope.ts';
import { documentedOnly, type Query, textOf } from '../../query.ts';
import { FORM, FORM_FIELD, SIGNED_UPLOAD } from './schemas.ts';

const schema = {
  tags: ['osproxy-v0'],
  summary: 'Stores a whole file under a signed link',
  consumes: ['multipart/form-data'],
  querystring: Type.Object({ ...SIGNED_UPLOAD, md5: Type.String({ description: 'Of the file.' }) }),
  body: FORM,
  response: answers(NOTHING),
};

export function writeWhole(scope: HttpServer, context: V0Context): void {
  const { core, links, maxFileBytes: maxBytes, idleTimeoutMs } = context;
  const options = { schema, config: OPEN, validatorCompiler: documentedOnly };
  scope.put('/upload', options, async (request) => {
    const query = request.query as Query;
    const { uid, term } = links.readUpload(query);
    links.requireCurrent(term);
    const md5 = parseHexDigest(textOf(query, 'md5'), 'md5');
    const { chunks } = await receiveFormFile(request, { field: FORM_FIELD, maxBytes, idleTimeoutMs });
    await core.uploads.writeWhole(uid, chunks, { md5 }, request.abort, noteUpload(request));
    return ok('' as const);
  });
}
