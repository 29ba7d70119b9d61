import { Type } from 'typebox';
import { ROLES, USER_STATES } from '#core/model/user.ts';
import type { HttpServer } from '../../../http/server.ts';
import { userBody } from '../../account-presenters.ts';
import { DisplayName, Email, Id, LoginName, Password, Quota, UserBody } from '../../account-schemas.ts';
import { IdParams } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { nothing, problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const config = { access: { kind: 'service', scope: 'admin' } } as const;
const nullable = <S extends Parameters<typeof Type.Union>[0][number]>(schema: S) =>
  Type.Optional(Type.Union([schema, Type.Null()]));

const change = {
  operationId: 'changeUser',
  tags: ['users'],
  summary: 'Change a user',
  description:
    'What is left out stays; null takes away. Another role or state ends every session of the user at once. The last administrator cannot be taken away.',
  params: IdParams,
  body: Type.Object(
    {
      name: Type.Optional(LoginName),
      email: nullable(Email),
      displayName: Type.Optional(DisplayName),
      role: Type.Optional(Type.Enum([...ROLES])),
      state: Type.Optional(Type.Enum([...USER_STATES])),
      groupId: nullable(Id),
      quotaBytes: nullable(Quota),
    },
    { additionalProperties: false },
  ),
  response: { 200: ref(UserBody), ...problems(404, 409, 413, 415) },
};

const password = {
  operationId: 'setUserPassword',
  tags: ['users'],
  summary: "Set a user's password",
  description: 'Ends every session of the user at once.',
  params: IdParams,
  body: Type.Object({ password: Password }, { additionalProperties: false }),
  response: { 204: nothing('The password is set.'), ...problems(404, 413, 415) },
};

const remove = {
  operationId: 'deleteUser',
  tags: ['users'],
  summary: 'Delete a user',
  description:
    'With all that belongs to the user; every session is over at once. The last administrator cannot be deleted.',
  params: IdParams,
  response: { 204: nothing('The user is gone.'), ...problems(404, 409) },
};

export function changeUser(app: HttpServer, { core }: RestOptions): void {
  const { users } = core.accounts;
  app.patch('/users/:id', { config, schema: change }, async ({ params, body }) =>
    userBody(await users.change(params.id, body)),
  );
  app.post('/users/:id/password', { config, schema: password }, async ({ params, body }, reply) => {
    await users.setPassword(params.id, body.password);
    return reply.code(204).send(null);
  });
  app.delete('/users/:id', { config, schema: remove }, async ({ params }, reply) => {
    await users.delete(params.id);
    return reply.code(204).send(null);
  });
}
