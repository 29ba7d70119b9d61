import { afterAll, beforeAll, expect, test } from 'vitest';
import { storeName } from '#test/profiles/place.ts';
import { signUp } from '../people.ts';
import { RestClient } from '../rest/client.ts';
import { API_KEY, type RunningService, startService } from '../service.ts';
import { auditOf } from './audit-client.ts';

let service: RunningService;
let admin: RestClient;

beforeAll(async () => {
  service = await startService();
  admin = new RestClient(service.url, API_KEY);
});
afterAll(async () => {
  admin.close();
  await service.close();
});

test('are made, listed, changed and deleted, by an administrator who is signed in too', async () => {
  const { client: person } = await signUp(service, 'boss', { admin: true });
  const made = await person.call('POST', '/groups', {
    json: { name: 'Design', quotaBytes: 1000, store: storeName },
  });
  expect(made.status).toBe(201);
  expect(made.json).toMatchObject({ name: 'Design', quotaBytes: 1000, store: storeName });
  const { id } = made.json;
  expect((await admin.call('POST', '/groups', { json: { name: 'DESIGN' } })).status).toBe(409);
  const changed = await admin.call('PATCH', `/groups/${id}`, { json: { quotaBytes: null, name: 'Art' } });
  expect(changed.json).toMatchObject({ name: 'Art', store: storeName });
  expect('quotaBytes' in changed.json).toBe(false);
  expect((await admin.call('GET', `/groups/${id}`)).json).toEqual(changed.json);
  expect(JSON.parse((await admin.call('GET', '/groups')).bytes.toString()).groups).toHaveLength(1);
  expect((await person.call('DELETE', `/groups/${id}`)).status).toBe(204);
  expect((await admin.call('GET', `/groups/${id}`)).status).toBe(404);
  const { entries } = await auditOf(admin, `?subject=${id}`);
  expect(entries.map(({ action, actor }) => [action, actor.kind])).toEqual([
    ['group.deleted', 'person'],
    ['group.changed', 'service'],
    ['group.created', 'person'],
  ]);
  expect(entries[0]?.actor.name).toBe('boss');
  person.close();
});

test('have members, who keep them from being deleted', async () => {
  const { id } = (await admin.call('POST', '/groups', { json: { name: 'Full' } })).json;
  const user = await signUp(service, 'member');
  user.client.close();
  const put = (groupId: string | null) => admin.call('PATCH', `/users/${user.userId}`, { json: { groupId } });
  expect((await put('99')).status).toBe(400);
  expect((await put(id)).status).toBe(200);
  expect((await admin.call('DELETE', `/groups/${id}`)).status).toBe(409);
  expect((await put(null)).status).toBe(200);
  expect((await admin.call('DELETE', `/groups/${id}`)).status).toBe(204);
  expect((await put(id)).status).toBe(400);
});

test('refuse a store that there is not, and quotas that are none', async () => {
  for (const json of [{ name: 'a', store: 'nowhere' }, { name: 'a', quotaBytes: -1 }, { name: '  ' }, {}])
    expect((await admin.call('POST', '/groups', { json })).status).toBe(400);
});
