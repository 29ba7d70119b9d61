import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { InCookie, Password, PresentPassword, SignedInBody } from '../../account-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { shownBy } from '../../person.ts';
import { problems } from '../../problems.ts';
import { requireOwnPage, signedInAnswer } from '../../refresh-cookie.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'changePassword',
  tags: ['accounts'],
  summary: 'Change the own password',
  description:
    'Also sets the first one of somebody who has none. Ends every session of the user and begins a new one, which is the answer.',
  body: Type.Object(
    { oldPassword: PresentPassword, newPassword: Password, cookie: InCookie },
    { additionalProperties: false },
  ),
  response: { 200: ref(SignedInBody), ...problems(413, 415) },
};

export function changePassword(app: HttpServer, { core, publicUrl }: RestOptions): void {
  app.post('/me/password', { config: { access: { kind: 'person' } }, schema }, async (request, reply) => {
    const { oldPassword, newPassword, cookie: inCookie = false } = request.body;
    if (inCookie) requireOwnPage(request, publicUrl);
    const shown = shownBy(request, oldPassword);
    const signedIn = await core.accounts.signIn.changePassword(shown, newPassword);
    return signedInAnswer(request, reply, signedIn, { inCookie, publicUrl });
  });
}
