import { Type } from 'typebox';
import { parseUid } from '#core/model/uid.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { fileBody } from '../../presenters.ts';
import { problems } from '../../problems.ts';
import { FileBody, Name, ref, UidParams } from '../../schemas.ts';

const schema = {
  operationId: 'renameFile',
  tags: ['files'],
  summary: 'Give a file another name',
  description: 'The content type follows from content and name; uid and content stay.',
  params: UidParams,
  body: Type.Object({ name: Name }, { additionalProperties: false }),
  response: { 200: ref(FileBody), ...problems(404, 413, 415) },
};

export function renameFile(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'write' } } as const;
  app.patch('/files/:uid', { config, schema }, async (request) => {
    const uid = parseUid(request.params.uid);
    const file = await core.files.rename(request.principal, uid, request.body.name, request.abort);
    return fileBody(file, request.principal);
  });
}
