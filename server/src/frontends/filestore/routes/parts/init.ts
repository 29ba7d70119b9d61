import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { type FilestoreOptions, personOf, SIGNED_IN } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { digestOf, documentedOnly, FIELDS, fieldsOf, sizeOf } from '../../fields.ts';
import { PartsRecord, partsRecord } from '../../records.ts';

const { filehash, filesize } = FIELDS;

const schema = {
  tags: ['filestore'],
  summary: 'Begin an upload in parts, or go on with the one of this content',
  body: Type.Object({ filehash, filesize }),
  response: answers(PartsRecord),
};

export function initParts(scope: HttpServer, { core }: FilestoreOptions): void {
  const route = { schema, config: SIGNED_IN, validatorCompiler: documentedOnly };
  scope.post('/mpupload/init', route, async (request) => {
    const fields = fieldsOf(request);
    return ok(
      partsRecord(await core.known.uploads.begin(personOf(request), digestOf(fields), sizeOf(fields))),
    );
  });
}
