import type { HttpServer } from '../../../http/server.ts';
import { IdParams } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { GroupBody, GroupListBody, groupBody } from '../../group-schemas.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const config = { access: { kind: 'service', scope: 'admin' } } as const;

const listSchema = {
  operationId: 'listGroups',
  tags: ['groups'],
  summary: 'List groups of people',
  response: { 200: ref(GroupListBody) },
};

const getSchema = {
  operationId: 'getGroup',
  tags: ['groups'],
  summary: 'What is known about a group',
  params: IdParams,
  response: { 200: ref(GroupBody), ...problems(404) },
};

export function listGroups(app: HttpServer, { core }: RestOptions): void {
  app.get('/groups', { config, schema: listSchema }, async () => ({
    groups: (await core.groups.list()).map(groupBody),
  }));
}

export function getGroup(app: HttpServer, { core }: RestOptions): void {
  app.get('/groups/:id', { config, schema: getSchema }, async ({ params }) =>
    groupBody(await core.groups.find(params.id)),
  );
}
