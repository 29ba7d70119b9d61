import { Type } from 'typebox';
import { parseHexDigest } from '#core/digests.ts';
import { readable } from '#core/files.ts';
import { MAX_PARTS } from '#core/model/upload.ts';
import type { HttpServer } from '../../../http/server.ts';
import { OPEN, type V0Context } from '../../context.ts';
import { answers, NOTHING, ok } from '../../envelope.ts';
import { documentedOnly, integerOf, type Query, textOf } from '../../query.ts';
import { ongoingUpload } from './ongoing.ts';
import { SIGNED_UPLOAD } from './schemas.ts';

const schema = {
  tags: ['osproxy-v0'],
  summary: 'Makes a file of the stored parts; it can be read at once',
  querystring: Type.Object({
    ...SIGNED_UPLOAD,
    md5: Type.String({ description: 'Of the whole file.' }),
    num: Type.String({ description: `How many parts: 1 to ${MAX_PARTS}.` }),
    size: Type.String({ description: 'Bytes of the whole file.' }),
  }),
  response: answers(NOTHING),
};

export function merge(scope: HttpServer, context: V0Context): void {
  const { core } = context;
  const options = { schema, config: OPEN, validatorCompiler: documentedOnly };
  scope.put('/upload/merge', options, async (request) => {
    const query = request.query as Query;
    const uid = await ongoingUpload(context, query);
    const md5 = parseHexDigest(textOf(query, 'md5'), 'md5');
    const parts = integerOf(query, 'num', 1, MAX_PARTS);
    const size = integerOf(query, 'size', 0, Number.MAX_SAFE_INTEGER);
    const file = await core.uploads.complete(uid, { parts, size, md5 });
    // A repeat that comes after verification failed must not be told that all is well.
    if (file.state !== 'held') readable({ file, parts: [] });
    return ok('' as const);
  });
}
