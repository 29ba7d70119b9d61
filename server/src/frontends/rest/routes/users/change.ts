import { Type } from 'typebox';
import { ROLES, USER_STATES } from '#core/model/user.ts';
import { callerOf } from '../../../http/caller.ts';
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

const signOut = {
  operationId: 'signOutUser',
  tags: ['users'],
  summary: 'Sign a user out everywhere',
  params: IdParams,
  response: { 204: nothing('Every session is over.'), ...problems(404) },
};

const removeFactor = {
  operationId: 'removeSecondFactor',
  tags: ['users'],
  summary: "Switch a user's second factor off",
  description: 'For somebody who has lost the app and the recovery codes.',
  params: IdParams,
  response: { 204: nothing('It is off.'), ...problems(404, 409) },
};

const resetLink = {
  operationId: 'createPasswordReset',
  tags: ['users'],
  summary: 'Make a link that sets a password',
  description: 'To be handed over to the user. Good once, for thirty minutes.',
  params: IdParams,
  response: {
    201: Type.Object(
      { url: Type.String(), expiresAt: Type.String({ format: 'date-time' }) },
      { description: 'The link; a path where the service does not know its own address.' },
    ),
    ...problems(404),
  },
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
  const { users, secondFactor, sessions, recovery } = core.accounts;
  app.patch('/users/:id', { config, schema: change }, async (request) =>
    userBody(await users.change(request.params.id, request.body, callerOf(request))),
  );
  app.post('/users/:id/password', { config, schema: password }, async (request, reply) => {
    await users.setPassword(request.params.id, request.body.password, callerOf(request));
    return reply.code(204).send(null);
  });
  app.post('/users/:id/password-reset', { config, schema: resetLink }, async (request, reply) => {
    const { url, expiresAt } = await recovery.resetLink(request.params.id, callerOf(request));
    reply.code(201);
    return { url, expiresAt: new Date(expiresAt).toISOString() };
  });
  app.post('/users/:id/sign-out', { config, schema: signOut }, async (request, reply) => {
    await sessions.endAll((await users.get(request.params.id)).id, callerOf(request));
    return reply.code(204).send(null);
  });
  app.delete('/users/:id/second-factor', { config, schema: removeFactor }, async (request, reply) => {
    await secondFactor.remove((await users.get(request.params.id)).id, callerOf(request));
    return reply.code(204).send(null);
  });
  app.delete('/users/:id', { config, schema: remove }, async (request, reply) => {
    await users.delete(request.params.id, callerOf(request));
    return reply.code(204).send(null);
  });
}
