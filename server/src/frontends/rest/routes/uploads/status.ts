import { parseUid } from '#core/model/uid.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { ref, UidParams, UploadBody } from '../../schemas.ts';
import { viewUpload } from '../../upload-view.ts';

const schema = {
  operationId: 'getUpload',
  tags: ['uploads'],
  summary: 'Which parts have arrived',
  description:
    'For going on after an interruption. A completed upload shows its file, unless it was deleted.',
  params: UidParams,
  response: { 200: ref(UploadBody), ...problems(404, 410) },
};

export function uploadStatus(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'write', link: 'write', person: true } } as const;
  app.get('/uploads/:uid', { config, schema }, (request) =>
    viewUpload(core, request.principal, parseUid(request.params.uid)),
  );
}
