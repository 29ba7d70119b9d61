import type { HttpServer } from '../../../http/server.ts';
import { type FilestoreOptions, personOf, SIGNED_IN } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { documentedOnly } from '../../fields.ts';
import { UserRecord, userRecord } from '../../records.ts';

const schema = {
  tags: ['filestore'],
  summary: 'Who is signed in',
  response: answers(UserRecord),
};

export function userInfo(scope: HttpServer, { core }: FilestoreOptions): void {
  const route = { schema, config: SIGNED_IN, validatorCompiler: documentedOnly };
  scope.get('/info', route, async (request) =>
    ok(userRecord(await core.accounts.users.get(personOf(request).userId))),
  );
}
