import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { type FilestoreOptions, personOf, SIGNED_IN } from '../../context.ts';
import { answers, NOTHING, ok } from '../../envelope.ts';
import { digestOf, documentedOnly, FIELDS, fieldsOf } from '../../fields.ts';

const schema = {
  tags: ['filestore'],
  summary: 'Put a file into the trash',
  body: Type.Object({ filehash: FIELDS.filehash }),
  response: answers(NOTHING),
};

export function deleteFile(scope: HttpServer, { core }: FilestoreOptions): void {
  const route = { schema, config: SIGNED_IN, validatorCompiler: documentedOnly };
  scope.post('/delete', route, async (request) => {
    await core.known.files.trash(personOf(request), digestOf(fieldsOf(request)));
    return ok(null);
  });
}
