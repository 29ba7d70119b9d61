import { Type } from 'typebox';
import { parseUid } from '#core/model/uid.ts';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { fileBody } from '../../presenters.ts';
import { problems } from '../../problems.ts';
import { FileBody, ref, UidParams } from '../../schemas.ts';

const config = { access: { kind: 'service', scope: 'admin' } } as const;
const response = { 200: ref(FileBody), ...problems(404, 409) };

const release = {
  operationId: 'releaseFile',
  tags: ['files'],
  summary: 'Release a held file',
  description: 'It can be read from then on, whoever held it back.',
  params: UidParams,
  response,
};

const reject = {
  operationId: 'rejectFile',
  tags: ['files'],
  summary: 'Reject a held file',
  description: 'It can never be read, and its bytes are removed after the grace time.',
  params: UidParams,
  body: Type.Object(
    {
      reason: Type.String({
        minLength: 1,
        maxLength: 500,
        description: 'A sentence for whoever asks for the file.',
        examples: ['It contains a virus.'],
      }),
    },
    { additionalProperties: false },
  ),
  response: { ...response, ...problems(413, 415) },
};

export function decideHeld(app: HttpServer, { core }: RestOptions): void {
  app.post('/files/:uid/release', { config, schema: release }, async (request) =>
    fileBody(await core.holds.release(parseUid(request.params.uid), callerOf(request)), request.principal),
  );
  app.post('/files/:uid/reject', { config, schema: reject }, async (request) => {
    const file = await core.holds.reject(
      parseUid(request.params.uid),
      request.body.reason,
      callerOf(request),
    );
    return fileBody(file, request.principal);
  });
}
