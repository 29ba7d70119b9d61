import type { HttpServer } from '../../../http/server.ts';
import { userBody } from '../../account-presenters.ts';
import { UserBody } from '../../account-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { personOf } from '../../person.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'getMe',
  tags: ['accounts'],
  summary: 'Who is signed in',
  response: { 200: ref(UserBody) },
};

export function getMe(app: HttpServer, { core }: RestOptions): void {
  app.get('/me', { config: { access: { kind: 'person' } }, schema }, async (request) =>
    userBody(await core.accounts.users.get(personOf(request).userId)),
  );
}
