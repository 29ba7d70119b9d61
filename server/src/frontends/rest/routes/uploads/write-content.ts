import { seenBy } from '#core/files.ts';
import { parseUid } from '#core/model/uid.ts';
import type { HttpServer } from '../../../http/server.ts';
import { noteUpload } from '../../../http/usage.ts';
import { BASE_PATH, type RestOptions } from '../../context.ts';
import { fileBody } from '../../presenters.ts';
import { problems, RECEIVING } from '../../problems.ts';
import { receiveRaw } from '../../raw-body.ts';
import { DigestHeaders, FileBody, RawBody, ref, UidParams } from '../../schemas.ts';

const schema = {
  operationId: 'writeContent',
  tags: ['uploads'],
  summary: 'Send the whole content',
  description:
    'Completes the upload in one request, whatever parts it has. Repeating it with the same bytes answers 200.',
  params: UidParams,
  headers: DigestHeaders,
  body: RawBody,
  response: { 201: ref(FileBody), 200: ref(FileBody), ...problems(404, 409, 410, ...RECEIVING) },
};

export function writeContent(app: HttpServer, { core, maxFileBytes, idleTimeoutMs }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'write', link: 'write', person: true } } as const;
  app.put('/uploads/:uid/content', { config, schema }, async (request, reply) => {
    const uid = parseUid(request.params.uid);
    const { state } = await core.uploads.find(request.principal, uid);
    const { body, expect } = receiveRaw(request, { maxBytes: maxFileBytes, idleTimeoutMs });
    const file = await core.uploads.writeWhole(uid, body, expect, request.abort, noteUpload(request));
    reply.code(state === 'completed' ? 200 : 201).header('location', `${BASE_PATH}/files/${uid}`);
    return fileBody(seenBy(request.principal, file), request.principal);
  });
}
