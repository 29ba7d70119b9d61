import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { type FilestoreOptions, OPEN, originOf } from '../../context.ts';
import { answers, ok } from '../../envelope.ts';
import { documentedOnly, fieldsOf, optionalText, textOf } from '../../fields.ts';
import { SignedInRecord, signedInRecord } from '../../records.ts';

const schema = {
  tags: ['filestore'],
  summary: 'Make an account, and sign in',
  description: 'Where `accounts.signUp` lets everybody, or with an invitation.',
  body: Type.Object({
    username: Type.String(),
    password: Type.String(),
    invite: Type.Optional(Type.String({ description: 'The secret of an invitation.' })),
  }),
  response: answers(SignedInRecord),
};

export function signUp(scope: HttpServer, { core }: FilestoreOptions): void {
  const route = { schema, config: OPEN, validatorCompiler: documentedOnly };
  scope.post('/signup', route, async (request) => {
    const fields = fieldsOf(request);
    const wanted = { name: textOf(fields, 'username'), password: textOf(fields, 'password') };
    const invite = optionalText(fields, 'invite');
    return ok(signedInRecord(await core.accounts.signUp.signUp(wanted, invite, originOf(request))));
  });
}
