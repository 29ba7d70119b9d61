import { parseUid } from '#core/model/uid.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { fileBody } from '../../presenters.ts';
import { problems } from '../../problems.ts';
import { FileBody, ref, UidParams } from '../../schemas.ts';

const schema = {
  operationId: 'getFile',
  tags: ['files'],
  summary: 'What is known about a file',
  description: 'Through a link this does not count as a use.',
  params: UidParams,
  response: { 200: ref(FileBody), ...problems(404, 410) },
};

export function getFile(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'read', link: 'read' } } as const;
  app.get('/files/:uid', { config, schema }, async (request) => {
    const { file } = await core.files.find(request.principal, parseUid(request.params.uid));
    return fileBody(file, request.principal, await core.media.of(file));
  });
}
