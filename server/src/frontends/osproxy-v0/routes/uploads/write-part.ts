import { Type } from 'typebox';
import { parseHexDigest } from '#core/digests.ts';
import { MAX_PARTS } from '#core/model/upload.ts';
import { receiveFormFile } from '../../../http/multipart.ts';
import type { HttpServer } from '../../../http/server.ts';
import { noteUpload } from '../../../http/usage.ts';
import { OPEN, type V0Context } from '../../context.ts';
import { answers, NOTHING, ok } from '../../envelope.ts';
import { documentedOnly, integerOf, type Query, textOf } from '../../query.ts';
import { ongoingUpload } from './ongoing.ts';
import { FORM, FORM_FIELD, SIGNED_UPLOAD } from './schemas.ts';

const schema = {
  tags: ['osproxy-v0'],
  summary: 'Stores one part of a file, or replaces it',
  consumes: ['multipart/form-data'],
  querystring: Type.Object({
    ...SIGNED_UPLOAD,
    md5: Type.String({ description: 'Of the part.' }),
    chunkNum: Type.String({ description: `1 to ${MAX_PARTS}.` }),
  }),
  body: FORM,
  response: answers(NOTHING),
};

export function writePart(scope: HttpServer, context: V0Context): void {
  const { core, maxPartBytes: maxBytes, idleTimeoutMs } = context;
  const options = { schema, config: OPEN, validatorCompiler: documentedOnly };
  scope.put('/upload/multi', options, async (request) => {
    const query = request.query as Query;
    const uid = await ongoingUpload(context, query);
    const md5 = parseHexDigest(textOf(query, 'md5'), 'md5');
    const number = integerOf(query, 'chunkNum', 1, MAX_PARTS);
    const { chunks } = await receiveFormFile(request, { field: FORM_FIELD, maxBytes, idleTimeoutMs });
    await core.uploads.writePart(uid, number, chunks, { md5 }, request.abort, noteUpload(request));
    return ok('' as const);
  });
}
