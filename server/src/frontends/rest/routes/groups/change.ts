import { Type } from 'typebox';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import { IdParams } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { GroupBody, groupBody, groupFields } from '../../group-schemas.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const { name, quotaBytes, store } = groupFields;

const schema = {
  operationId: 'changeGroup',
  tags: ['groups'],
  summary: 'Change a group',
  description: 'What is left out stays, null takes away. It holds from the next upload on.',
  params: IdParams,
  body: Type.Object(
    {
      name: Type.Optional(name),
      quotaBytes: Type.Optional(Type.Union([quotaBytes, Type.Null()])),
      store: Type.Optional(Type.Union([store, Type.Null()])),
    },
    { additionalProperties: false },
  ),
  response: { 200: ref(GroupBody), ...problems(404, 409, 413, 415) },
};

export function changeGroup(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.patch('/groups/:id', { config, schema }, async (request) =>
    groupBody(await core.groups.change(request.params.id, request.body, callerOf(request))),
  );
}
