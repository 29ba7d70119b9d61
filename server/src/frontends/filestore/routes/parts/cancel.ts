import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { type FilestoreOptions, personOf, SIGNED_IN } from '../../context.ts';
import { answers, NOTHING, ok } from '../../envelope.ts';
import { documentedOnly, FIELDS, fieldsOf, uploadIdOf } from '../../fields.ts';

const schema = {
  tags: ['filestore'],
  summary: 'Give an upload up and free its parts',
  body: Type.Object({ uploadid: FIELDS.uploadid }),
  response: answers(NOTHING),
};

export function cancelParts(scope: HttpServer, { core }: FilestoreOptions): void {
  const route = { schema, config: SIGNED_IN, validatorCompiler: documentedOnly };
  scope.post('/mpupload/cancel', route, async (request) => {
    await core.known.uploads.cancel(personOf(request), uploadIdOf(fieldsOf(request)));
    return ok(null);
  });
}
