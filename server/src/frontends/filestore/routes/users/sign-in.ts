import { Type } from 'typebox';
import { OsproxyError } from '#core/errors.ts';
import type { HttpServer } from '../../../http/server.ts';
import { type FilestoreOptions, OPEN, originOf } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { documentedOnly, fieldsOf, optionalText, textOf } from '../../fields.ts';
import { SignedInRecord, signedInRecord } from '../../records.ts';

const schema = {
  tags: ['filestore'],
  summary: 'Sign in',
  body: Type.Object({
    username: Type.String(),
    password: Type.String(),
    code: Type.Optional(Type.String({ description: 'Of the second factor, where there is one.' })),
  }),
  response: answers(SignedInRecord),
};

export function signIn(scope: HttpServer, { core }: FilestoreOptions): void {
  const { signIn: doors } = core.accounts;
  const route = { schema, config: OPEN, validatorCompiler: documentedOnly };
  scope.post('/signin', route, async (request) => {
    const [fields, from] = [fieldsOf(request), originOf(request)];
    const code = optionalText(fields, 'code');
    const first = await doors.byPassword(textOf(fields, 'username'), textOf(fields, 'password'), from);
    if (!('challenge' in first)) return ok(signedInRecord(first));
    if (code === undefined) {
      throw new OsproxyError('Unauthenticated', 'Send the code of your second factor as "code" as well.');
    }
    return ok(signedInRecord(await doors.bySecondFactor(first.challenge, code, from)));
  });
}
