import { Type } from 'typebox';
import { ROLES } from '#core/model/user.ts';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import { userBody } from '../../account-presenters.ts';
import { DisplayName, Email, Id, LoginName, Password, Quota, UserBody } from '../../account-schemas.ts';
import { BASE_PATH, type RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'createUser',
  tags: ['users'],
  summary: 'Create a user',
  description: 'Without a password the user signs in by an identity provider, or sets one by a reset.',
  body: Type.Object(
    {
      name: LoginName,
      password: Type.Optional(Password),
      email: Type.Optional(Email),
      emailVerified: Type.Optional(
        Type.Boolean({ description: 'True where the address is known to be right.' }),
      ),
      displayName: Type.Optional(DisplayName),
      role: Type.Optional(Type.Enum([...ROLES], { default: 'member' })),
      groupId: Type.Optional(Id),
      quotaBytes: Type.Optional(Quota),
    },
    { additionalProperties: false },
  ),
  response: { 201: ref(UserBody), ...problems(409, 413, 415) },
};

export function createUser(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.post('/users', { config, schema }, async (request, reply) => {
    const { emailVerified = false, ...wanted } = request.body;
    const { users } = core.accounts;
    const wish = { ...wanted, emailIsVerified: emailVerified };
    const user = await users.create(wish, undefined, callerOf(request));
    reply.code(201).header('location', `${BASE_PATH}/users/${user.id}`);
    return userBody(user);
  });
}
