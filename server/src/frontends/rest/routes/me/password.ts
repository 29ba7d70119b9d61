import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { InCookie, Password, SignedInBody } from '../../account-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { originOf, personOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { requireOwnPage, signedInAnswer } from '../../refresh-cookie.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'changePassword',
  tags: ['accounts'],
  summary: 'Change the own password',
  description: 'Ends every session of the user and begins a new one, which is the answer.',
  body: Type.Object(
    { oldPassword: Password, newPassword: Password, cookie: InCookie },
    { additionalProperties: false },
  ),
  response: { 200: ref(SignedInBody), ...problems(413, 415) },
};

export function changePassword(app: HttpServer, { core, publicUrl }: RestOptions): void {
  app.post('/me/password', { config: { access: { kind: 'person' } }, schema }, async (request, reply) => {
    const { oldPassword, newPassword, cookie: inCookie = false } = request.body;
    if (inCookie) requireOwnPage(request, publicUrl);
    const { userId } = personOf(request);
    const { signIn } = core.accounts;
    const signedIn = await signIn.changePassword(userId, oldPassword, newPassword, originOf(request));
    return signedInAnswer(request, reply, signedIn, { inCookie, publicUrl });
  });
}
