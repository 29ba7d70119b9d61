import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { problems, RECEIVING } from '../../problems.ts';
import { receiveRaw } from '../../raw-body.ts';
import { FileBody, KeyAndDigestHeaders, Name, RawBody, ref } from '../../schemas.ts';
import { storeFile } from '../../store-file.ts';

const schema = {
  operationId: 'putFile',
  tags: ['files'],
  summary: 'Store a file in one request',
  description:
    'Not idempotent by itself: every request makes a new file, also where one of this name exists, as a name is a label and the uid says which file is meant. Send `Idempotency-Key` to repeat it safely, or make an upload and `PUT` its content. The Content-Type of the request is not looked at.',
  params: Type.Object({ name: Name }),
  headers: KeyAndDigestHeaders,
  body: RawBody,
  response: { 201: ref(FileBody), 200: ref(FileBody), ...problems(404, 409, ...RECEIVING) },
};

/** For `curl -T photo.jpg <base>/files/`. */
export function putFile(app: HttpServer, { core, maxFileBytes, idleTimeoutMs }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'write' } } as const;
  app.put('/files/:name', { config, schema }, async (request, reply) => {
    const { body, expect } = receiveRaw(request, { maxBytes: maxFileBytes, idleTimeoutMs });
    const { name } = request.params;
    return storeFile(core, { request, reply }, 'files.put', { name, ...expect }, body);
  });
}
