import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { type FilestoreOptions, personOf, SIGNED_IN } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { digestOf, documentedOnly, FIELDS, fieldsOf, invalid, textOf } from '../../fields.ts';
import { FileRecord, fileRecord } from '../../records.ts';

const RENAME = '0';

const schema = {
  tags: ['filestore'],
  summary: 'Rename a file',
  body: Type.Object({
    op: Type.Literal(RENAME),
    filehash: FIELDS.filehash,
    filename: FIELDS.filename,
  }),
  response: answers(FileRecord),
};

export function update(scope: HttpServer, { core }: FilestoreOptions): void {
  const route = { schema, config: SIGNED_IN, validatorCompiler: documentedOnly };
  scope.post('/update', route, async (request) => {
    const fields = fieldsOf(request);
    if (textOf(fields, 'op') !== RENAME) throw invalid('op', 'must be 0, which renames');
    const name = textOf(fields, 'filename');
    return ok(fileRecord(await core.known.files.rename(personOf(request), digestOf(fields), name)));
  });
}
