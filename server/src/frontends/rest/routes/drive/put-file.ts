import { Type } from 'typebox';
import { OsproxyError } from '#core/errors.ts';
import type { HttpServer } from '../../../http/server.ts';
import { noteUpload } from '../../../http/usage.ts';
import type { RestOptions } from '../../context.ts';
import { writtenBody } from '../../drive-presenters.ts';
import { Conflict, EntryBody, EntryId, EntryName } from '../../drive-schemas.ts';
import { personOf } from '../../person.ts';
import { problems, RECEIVING } from '../../problems.ts';
import { receiveRaw } from '../../raw-body.ts';
import { DigestHeaders, RawBody, ref } from '../../schemas.ts';

const schema = {
  operationId: 'putEntry',
  tags: ['drive'],
  summary: 'Store a file in a folder in one request',
  description:
    'With a Content-Length. Where the name is taken `conflict` decides; with `replace` a repeat makes one more version. The room is taken when the bytes have come: where others took it meanwhile the answer is 507.',
  params: Type.Object({ id: EntryId, name: EntryName }),
  querystring: Type.Object({ conflict: Conflict }),
  headers: DigestHeaders,
  body: RawBody,
  response: { 201: ref(EntryBody), ...problems(404, 409, ...RECEIVING) },
};

/** For `curl -T photo.jpg <base>/drive/folders/root/files/`. */
export function putEntry(app: HttpServer, { core, maxFileBytes, idleTimeoutMs }: RestOptions): void {
  const config = { access: { kind: 'person' } } as const;
  app.put('/drive/folders/:id/files/:name', { config, schema }, async (request, reply) => {
    const { body, expect } = receiveRaw(request, { maxBytes: maxFileBytes, idleTimeoutMs });
    const { id: parentId, name } = request.params;
    const { size, ...digests } = expect;
    if (size === undefined) {
      throw new OsproxyError('InvalidArgument', 'This call needs the header Content-Length.', {
        details: { field: 'Content-Length' },
      });
    }
    const { conflict = 'fail' } = request.query;
    const wanted = { parentId, name, conflict, size, ...digests };
    const options = { signal: request.abort, note: noteUpload(request) };
    const written = await core.drive.uploads.write(personOf(request).userId, wanted, body, options);
    return reply.code(201).send(await writtenBody(core, written));
  });
}
