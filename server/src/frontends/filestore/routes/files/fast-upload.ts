import { Type } from 'typebox';
import { OsproxyError } from '#core/errors.ts';
import type { HttpServer } from '../../../http/server.ts';
import { type FilestoreOptions, personOf, SIGNED_IN } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { digestOf, documentedOnly, FIELDS, fieldsOf, sizeOf, textOf } from '../../fields.ts';
import { FileRecord, fileRecord } from '../../records.ts';

const { filehash, filename, filesize } = FIELDS;

const schema = {
  tags: ['filestore'],
  summary: 'Instant upload: a new file on content that is among those of the user already',
  description: 'Fails with 404 and "use normal upload" where the content has to be sent.',
  body: Type.Object({ filehash, filename, filesize }),
  response: answers(FileRecord),
};

export function fastUpload(scope: HttpServer, { core }: FilestoreOptions): void {
  const route = { schema, config: SIGNED_IN, validatorCompiler: documentedOnly };
  scope.post('/fastupload', route, async (request) => {
    const fields = fieldsOf(request);
    const wanted = { digest: digestOf(fields), name: textOf(fields, 'filename'), size: sizeOf(fields) };
    const made = await core.known.files.claim(personOf(request), wanted, request.abort);
    if (made === undefined) {
      throw new OsproxyError('NotFound', 'This content is not among your files: use normal upload.');
    }
    return ok(fileRecord(made));
  });
}
