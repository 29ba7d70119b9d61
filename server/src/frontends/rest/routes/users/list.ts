import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import { userBody } from '../../account-presenters.ts';
import { UserBody, UserListBody } from '../../account-schemas.ts';
import { IdParams } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { decodeCursor, encodeCursor } from '../../cursor.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const PAGE = 100;
const config = { access: { kind: 'service', scope: 'admin' } } as const;

const list = {
  operationId: 'listUsers',
  tags: ['users'],
  summary: 'List users',
  description: 'By id, which is by age; with `prefix` by name, and then without a next page.',
  querystring: Type.Object({
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, default: PAGE, description: 'Most users of a page.' }),
    ),
    cursor: Type.Optional(Type.String({ description: '`next` of the page before.' })),
    prefix: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: 'The login name begins so, regardless of case.',
      }),
    ),
  }),
  response: { 200: ref(UserListBody) },
};

const get = {
  operationId: 'getUser',
  tags: ['users'],
  summary: 'What is known about a user',
  params: IdParams,
  response: { 200: ref(UserBody), ...problems(404) },
};

export function listUsers(app: HttpServer, { core }: RestOptions): void {
  const { users } = core.accounts;
  app.get('/users', { config, schema: list }, async ({ query }) => {
    const { limit = PAGE, cursor, prefix } = query;
    if (prefix !== undefined) {
      return { users: (await users.startingWith(prefix, limit)).map(userBody), next: null };
    }
    const page = await users.list(cursor === undefined ? undefined : decodeCursor(cursor), limit);
    return {
      users: page.users.map(userBody),
      next: page.next === undefined ? null : encodeCursor(page.next),
    };
  });
  app.get('/users/:id', { config, schema: get }, async ({ params }) => userBody(await users.get(params.id)));
}
