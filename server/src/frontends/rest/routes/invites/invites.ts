import { Type } from 'typebox';
import { ROLES } from '#core/model/user.ts';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import { inviteBody } from '../../account-presenters.ts';
import { Email, Id, InviteListBody, NewInviteBody } from '../../account-schemas.ts';
import { IdParams } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { emptyWithoutBody } from '../../optional-body.ts';
import { nothing, problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const config = { access: { kind: 'service', scope: 'admin' } } as const;
const tags = ['users'];
const DEFAULT_HOURS = 168;

const create = {
  operationId: 'createInvitation',
  tags,
  summary: 'Invite somebody',
  description:
    'Good once. With an address, and where mail is sent, the link goes there and nowhere else; otherwise it is in the answer, to be handed over.',
  body: Type.Object(
    {
      email: Type.Optional(Email),
      role: Type.Optional(Type.Enum([...ROLES], { default: 'member' })),
      groupId: Type.Optional(Id),
      expiresInHours: Type.Optional(Type.Integer({ minimum: 1, maximum: 720, default: DEFAULT_HOURS })),
    },
    { additionalProperties: false },
  ),
  response: { 201: ref(NewInviteBody), ...problems(409, 413, 415) },
};

const list = {
  operationId: 'listInvitations',
  tags,
  summary: 'List invitations',
  response: { 200: ref(InviteListBody) },
};

const revoke = {
  operationId: 'revokeInvitation',
  tags,
  summary: 'Take an invitation back',
  params: IdParams,
  response: { 204: nothing('The link opens nothing any more.'), ...problems(404) },
};

export function invites(app: HttpServer, { core }: RestOptions): void {
  const { signUp } = core.accounts;
  const options = { config, schema: create, preValidation: emptyWithoutBody };
  app.post('/invites', options, async (request, reply) => {
    const { expiresInHours = DEFAULT_HOURS, ...wanted } = request.body;
    const { invite, url } = await signUp.invite({ ...wanted, expiresInHours }, callerOf(request));
    reply.code(201);
    return { ...inviteBody(invite), mailed: url === undefined, ...(url === undefined ? {} : { url }) };
  });
  app.get('/invites', { config, schema: list }, async () => ({
    invites: (await signUp.invites()).map(inviteBody),
  }));
  app.delete('/invites/:id', { config, schema: revoke }, async (request, reply) => {
    await signUp.revoke(request.params.id, callerOf(request));
    return reply.code(204).send(null);
  });
}
