import { Type } from 'typebox';
import { OsproxyError } from '#core/errors.ts';
import { receiveFormFile } from '../../../http/multipart.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { problems, RECEIVING } from '../../problems.ts';
import { FileBody, FormBody, KeyHeaders, Name, ref } from '../../schemas.ts';
import { storeFile } from '../../store-file.ts';

const schema = {
  operationId: 'postFile',
  tags: ['files'],
  summary: 'Store a file from a form',
  description: 'Field `file` of multipart/form-data, once; other fields are ignored.',
  querystring: Type.Object({ name: Type.Optional(Name) }),
  headers: KeyHeaders,
  consumes: ['multipart/form-data'],
  body: FormBody,
  response: { 201: ref(FileBody), 200: ref(FileBody), ...problems(404, 409, ...RECEIVING) },
};

/** For browsers and `curl -F file=@photo.jpg <base>/files`. */
export function postFile(app: HttpServer, { core, maxFileBytes, idleTimeoutMs }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'write' } } as const;
  app.post('/files', { config, schema }, async (request, reply) => {
    const form = await receiveFormFile(request, { field: 'file', maxBytes: maxFileBytes, idleTimeoutMs });
    const name = request.query.name ?? form.filename;
    if (name === undefined) {
      throw new OsproxyError('InvalidArgument', 'Name the file: in the form, or as query parameter "name".', {
        details: { field: 'name' },
      });
    }
    return storeFile(core, { request, reply }, 'files.post', { name }, form.chunks);
  });
}
