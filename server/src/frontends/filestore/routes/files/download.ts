import { Type } from 'typebox';
import { sendFile } from '../../../http/send-file.ts';
import type { HttpServer } from '../../../http/server.ts';
import { type FilestoreOptions, personOf, SIGNED_IN } from '../../context.ts';
import { failures } from '../../envelope.ts';
import { digestOf, documentedOnly, FIELDS, fieldsOf } from '../../fields.ts';

const schema = {
  tags: ['filestore'],
  summary: 'The bytes of a file, as attachment',
  querystring: Type.Object({ filehash: FIELDS.filehash }),
  response: failures,
};

export function download(scope: HttpServer, { core }: FilestoreOptions): void {
  const { downloads } = core;
  const route = { schema, config: SIGNED_IN, validatorCompiler: documentedOnly, exposeHeadRoute: true };
  scope.get('/download', route, async (request, reply) => {
    const { entry } = await core.known.files.find(personOf(request), digestOf(fieldsOf(request)));
    const content = await core.drive.content(entry);
    return sendFile(request, reply, { content, downloads, disposition: 'attachment', name: entry.name });
  });
}
