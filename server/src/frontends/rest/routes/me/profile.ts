import { Type } from 'typebox';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import { userBody } from '../../account-presenters.ts';
import { DisplayName, Email, PresentPassword, UserBody } from '../../account-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { personOf, shownBy } from '../../person.ts';
import { nothing, problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const config = { access: { kind: 'person' } } as const;

const change = {
  operationId: 'changeMe',
  tags: ['accounts'],
  summary: 'Change what others see',
  body: Type.Object({ displayName: DisplayName }, { additionalProperties: false }),
  response: { 200: ref(UserBody), ...problems(413, 415) },
};

const email = {
  operationId: 'askForEmail',
  tags: ['accounts'],
  summary: 'Ask for another e-mail address',
  description:
    'A mail goes to the address; the account has it once the link in it was opened. The answer is the same when somebody else has the address.',
  body: Type.Object({ email: Email, password: PresentPassword }, { additionalProperties: false }),
  response: { 204: nothing('A mail is on its way.'), ...problems(413, 415) },
};

export function myProfile(app: HttpServer, { core }: RestOptions): void {
  app.patch('/me', { config, schema: change }, async (request) => {
    const { displayName } = request.body;
    const { userId } = personOf(request);
    return userBody(await core.accounts.users.change(userId, { displayName }, callerOf(request)));
  });
  app.post('/me/email', { config, schema: email }, async (request, reply) => {
    const { email: address, password } = request.body;
    await core.accounts.recovery.askForEmail(shownBy(request, password), address);
    return reply.code(204).send(null);
  });
}
