import { Type } from 'typebox';
import { OsproxyError } from '#core/errors.ts';
import type { HttpServer } from '../../../http/server.ts';
import { OPEN } from '../../context.ts';
import { answers } from '../../envelope.ts';
import { documentedOnly } from '../../fields.ts';
import { UserRecord } from '../../records.ts';

const schema = {
  tags: ['filestore'],
  summary: 'Make an account, where that is open to everybody',
  body: Type.Object({ username: Type.String(), password: Type.String() }),
  response: answers(UserRecord),
};

export function signUp(scope: HttpServer): void {
  const route = { schema, config: OPEN, validatorCompiler: documentedOnly };
  scope.post('/signup', route, async () => {
    throw new OsproxyError(
      'PermissionDenied',
      'Nobody can sign up here: ask an administrator for an account.',
    );
  });
}
