import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { type FilestoreOptions, personOf, SIGNED_IN } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { digestOf, documentedOnly, FIELDS, fieldsOf, sizeOf, textOf, uploadIdOf } from '../../fields.ts';
import { FileRecord, fileRecord } from '../../records.ts';

const schema = {
  tags: ['filestore'],
  summary: 'Make a file of the parts',
  description:
    'Reads and hashes all of them first: content with another hash is refused, and nothing is left of it.',
  body: Type.Object(FIELDS),
  response: answers(FileRecord),
};

export function completeParts(scope: HttpServer, { core }: FilestoreOptions): void {
  const route = { schema, config: SIGNED_IN, validatorCompiler: documentedOnly };
  scope.post('/mpupload/complete', route, async (request) => {
    const fields = fieldsOf(request);
    const wanted = { digest: digestOf(fields), size: sizeOf(fields), name: textOf(fields, 'filename') };
    const uid = uploadIdOf(fields);
    return ok(fileRecord(await core.known.uploads.complete(personOf(request), uid, wanted, request.abort)));
  });
}
