import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { sendZip } from '../../../http/zip/send-zip.ts';
import type { RestOptions } from '../../context.ts';
import { driveZip } from '../../drive-zip.ts';
import { personOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { Bytes } from '../../schemas.ts';

const schema = {
  operationId: 'getDriveZip',
  tags: ['drive'],
  summary: 'Read files and folders as one ZIP',
  description:
    'Stored, not compressed; Content-Length says how long it is. When a file cannot be read to its end the connection is cut. A browser fetches it by a ticket: POST /drive/tickets.',
  body: Type.Object(
    {
      entries: Type.Array(Type.String({ minLength: 1, maxLength: 40 }), {
        minItems: 1,
        maxItems: 1000,
        description: 'Ids.',
      }),
    },
    { additionalProperties: false },
  ),
  response: { 200: Bytes('The ZIP.'), ...problems(404, 409, 413, 415) },
};

export function zipEntries(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'person' } } as const;
  app.post('/drive/zip', { config, schema }, async (request, reply) => {
    const { userId } = personOf(request);
    return sendZip(request, reply, await driveZip(core, userId, request.body.entries, request.abort));
  });
}
