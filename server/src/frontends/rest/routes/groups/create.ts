import { Type } from 'typebox';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import { BASE_PATH, type RestOptions } from '../../context.ts';
import { GroupBody, groupBody, groupFields } from '../../group-schemas.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const { name, quotaBytes, store } = groupFields;

const schema = {
  operationId: 'createGroup',
  tags: ['groups'],
  summary: 'Make a group of people',
  description: 'Who is in it is said by each user.',
  body: Type.Object(
    { name, quotaBytes: Type.Optional(quotaBytes), store: Type.Optional(store) },
    { additionalProperties: false },
  ),
  response: { 201: ref(GroupBody), ...problems(409, 413, 415) },
};

export function createGroup(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.post('/groups', { config, schema }, async (request, reply) => {
    const group = await core.groups.create(request.body, callerOf(request));
    reply.code(201).header('location', `${BASE_PATH}/groups/${group.id}`);
    return groupBody(group);
  });
}
