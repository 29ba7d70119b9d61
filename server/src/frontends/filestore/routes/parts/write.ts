import { Type } from 'typebox';
import { MAX_INDEX } from '#core/drive/known-uploads.ts';
import { receiveBody } from '../../../http/receive.ts';
import type { HttpServer } from '../../../http/server.ts';
import { noteUpload } from '../../../http/usage.ts';
import { type FilestoreOptions, personOf, SIGNED_IN } from '../../context.ts';
import { answers, NOTHING, ok } from '../../envelope.ts';
import { documentedOnly, FIELDS, fieldsOf, integerOf, uploadIdOf } from '../../fields.ts';

const schema = {
  tags: ['filestore'],
  summary: 'Send a part: in any order, in parallel, again',
  consumes: ['application/octet-stream'],
  querystring: Type.Object({
    uploadid: FIELDS.uploadid,
    index: Type.String({ description: 'From 1, or from 0 for all of them.' }),
  }),
  body: Type.String({ format: 'binary', description: 'The bytes of the part.' }),
  response: answers(NOTHING),
};

export function writePart(scope: HttpServer, options: FilestoreOptions): void {
  const { core, maxPartBytes: maxBytes, idleTimeoutMs } = options;
  const route = { schema, config: SIGNED_IN, validatorCompiler: documentedOnly };
  scope.post('/mpupload/uppart', route, async (request) => {
    const fields = fieldsOf(request);
    const part = { uid: uploadIdOf(fields), index: integerOf(fields, 'index', 0, MAX_INDEX) };
    const body = receiveBody(request, { maxBytes, idleTimeoutMs });
    const note = noteUpload(request);
    await core.known.uploads.write(personOf(request), part, body, { signal: request.abort, note });
    return ok(null);
  });
}
