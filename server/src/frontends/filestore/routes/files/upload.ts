import { Type } from 'typebox';
import { OsproxyError } from '#core/errors.ts';
import { receiveFormFile } from '../../../http/multipart.ts';
import type { HttpServer } from '../../../http/server.ts';
import { noteUpload } from '../../../http/usage.ts';
import { type FilestoreOptions, personOf, SIGNED_IN } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { documentedOnly } from '../../fields.ts';
import { FileRecord, fileRecord } from '../../records.ts';

const schema = {
  tags: ['filestore'],
  summary: 'Store a file',
  consumes: ['multipart/form-data'],
  body: Type.Object({ file: Type.String({ format: 'binary', description: 'The bytes.' }) }),
  response: answers(FileRecord),
};

export function upload(scope: HttpServer, options: FilestoreOptions): void {
  const { core, maxFileBytes: maxBytes, idleTimeoutMs } = options;
  const route = { schema, config: SIGNED_IN, validatorCompiler: documentedOnly };
  scope.post('/upload', route, async (request) => {
    const { filename, chunks } = await receiveFormFile(request, { field: 'file', maxBytes, idleTimeoutMs });
    if (filename === undefined) {
      throw new OsproxyError('InvalidArgument', 'The form gives the file no name.', {
        details: { field: 'file' },
      });
    }
    const note = noteUpload(request);
    const stored = await core.known.files.write(personOf(request), filename, chunks, {
      signal: request.abort,
      note,
    });
    return ok(fileRecord(stored));
  });
}
