import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { type FilestoreOptions, personOf, SIGNED_IN } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { documentedOnly, fieldsOf, integerOf } from '../../fields.ts';
import { FileRecord, fileRecord } from '../../records.ts';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1000;

const schema = {
  tags: ['filestore'],
  summary: "The user's latest files, the newest first",
  querystring: Type.Object({
    limit: Type.Optional(
      Type.String({ description: `1 to ${MAX_LIMIT}; ${DEFAULT_LIMIT} where it is left out.` }),
    ),
  }),
  response: answers(Type.Array(FileRecord)),
};

export function query(scope: HttpServer, { core }: FilestoreOptions): void {
  const route = { schema, config: SIGNED_IN, validatorCompiler: documentedOnly };
  scope.get('/query', route, async (request) => {
    const fields = fieldsOf(request);
    const limit = fields.limit === undefined ? DEFAULT_LIMIT : integerOf(fields, 'limit', 1, MAX_LIMIT);
    return ok((await core.known.files.latest(personOf(request), limit)).map(fileRecord));
  });
}
