import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { type FilestoreOptions, personOf, SIGNED_IN } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { digestOf, documentedOnly, FIELDS, fieldsOf } from '../../fields.ts';
import { FileRecord, fileRecord } from '../../records.ts';

const schema = {
  tags: ['filestore'],
  summary: "One of the user's files",
  querystring: Type.Object({ filehash: FIELDS.filehash }),
  response: answers(FileRecord),
};

export function meta(scope: HttpServer, { core }: FilestoreOptions): void {
  const route = { schema, config: SIGNED_IN, validatorCompiler: documentedOnly };
  scope.get('/meta', route, async (request) =>
    ok(fileRecord(await core.known.files.find(personOf(request), digestOf(fieldsOf(request))))),
  );
}
