import { parseUid } from '#core/model/uid.ts';
import type { HttpServer } from '../../../http/server.ts';
import { noteUpload } from '../../../http/usage.ts';
import type { RestOptions } from '../../context.ts';
import { partBody } from '../../presenters.ts';
import { problems, RECEIVING } from '../../problems.ts';
import { receiveRaw } from '../../raw-body.ts';
import { DigestHeaders, PartBody, PartParams, RawBody, ref } from '../../schemas.ts';

const schema = {
  operationId: 'writePart',
  tags: ['uploads'],
  summary: 'Send a part',
  description:
    'Parts go in any order and in parallel. The same part again is fine; other bytes replace it while the upload is open.',
  params: PartParams,
  headers: DigestHeaders,
  body: RawBody,
  response: { 200: ref(PartBody), ...problems(404, 409, 410, ...RECEIVING) },
};

export function writePart(app: HttpServer, { core, maxPartBytes, idleTimeoutMs }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'write', link: 'write', person: true } } as const;
  app.put('/uploads/:uid/parts/:number', { config, schema }, async (request) => {
    const uid = parseUid(request.params.uid);
    await core.uploads.find(request.principal, uid);
    const { body, expect } = receiveRaw(request, { maxBytes: maxPartBytes, idleTimeoutMs });
    return partBody(
      await core.uploads.writePart(
        uid,
        request.params.number,
        body,
        expect,
        request.abort,
        noteUpload(request),
      ),
    );
  });
}
