import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { type FilestoreOptions, personOf, SIGNED_IN } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { documentedOnly, FIELDS, fieldsOf, uploadIdOf } from '../../fields.ts';
import { PartsRecord, partsRecord } from '../../records.ts';

const schema = {
  tags: ['filestore'],
  summary: 'What has arrived of an upload',
  querystring: Type.Object({ uploadid: FIELDS.uploadid }),
  response: answers(PartsRecord),
};

export function partsStatus(scope: HttpServer, { core }: FilestoreOptions): void {
  const route = { schema, config: SIGNED_IN, validatorCompiler: documentedOnly };
  scope.get('/mpupload/status', route, async (request) =>
    ok(partsRecord(await core.known.uploads.status(personOf(request), uploadIdOf(fieldsOf(request))))),
  );
}
