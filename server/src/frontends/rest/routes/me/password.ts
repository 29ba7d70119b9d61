import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { signedInBody } from '../../account-presenters.ts';
import { Password, SignedInBody } from '../../account-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { originOf, personOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'changePassword',
  tags: ['accounts'],
  summary: 'Change the own password',
  description: 'Ends every session of the user and begins a new one, which is the answer.',
  body: Type.Object({ oldPassword: Password, newPassword: Password }, { additionalProperties: false }),
  response: { 200: ref(SignedInBody), ...problems(413, 415) },
};

export function changePassword(app: HttpServer, { core }: RestOptions): void {
  app.post('/me/password', { config: { access: { kind: 'person' } }, schema }, async (request) => {
    const { oldPassword, newPassword } = request.body;
    const { userId } = personOf(request);
    const { signIn } = core.accounts;
    return signedInBody(await signIn.changePassword(userId, oldPassword, newPassword, originOf(request)));
  });
}
