import { afterAll, beforeAll, expect, test } from 'vitest';
import { PASSWORD, signIn, signUp } from '../people.ts';
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

async function actionsOf(userId: string): Promise<string[]> {
  const { entries } = await auditOf(admin, `?subject=${userId}&limit=1000`);
  return entries
    .map(({ action, outcome }) => (outcome === 'ok' ? action : `${action} ${outcome}`))
    .toReversed();
}

test('the life of an account is in the log, and no password is', async () => {
  const { userId, client, refreshToken } = await signUp(service, 'anna');
  const anonymous = new RestClient(service.url);
  const wrong = { name: 'anna', password: 'wrong-password-1' };
  expect((await anonymous.call('POST', '/auth/sign-in', { json: wrong })).status).toBe(401);
  const changed = { oldPassword: PASSWORD, newPassword: 'another good passphrase' };
  expect((await client.call('POST', '/me/password', { json: changed })).status).toBe(200);
  const again = await signIn(service, 'anna', changed.newPassword);
  await again.client.call('POST', '/auth/sign-out');
  await admin.call('PATCH', `/users/${userId}`, { json: { displayName: 'Anna B.' } });
  expect((await admin.call('DELETE', `/users/${userId}`)).status).toBe(204);
  const actions = await actionsOf(userId);
  for (const action of [
    ...['user.created', 'session.begun', 'session.refused refused', 'password.changed', 'session.ended'],
    ...['user.changed', 'user.deleted'],
  ])
    expect(actions).toContain(action);
  const { bytes } = await admin.call('GET', `/audit?subject=${userId}&limit=1000`);
  for (const secret of [PASSWORD, changed.newPassword, wrong.password, refreshToken])
    expect(bytes.toString()).not.toContain(secret);
  for (const one of [client, again.client, anonymous]) one.close();
});

test('what is typed for a name that nobody has is not written down', async () => {
  const anonymous = new RestClient(service.url);
  const typed = 'my-secret-passphrase-in-the-wrong-field';
  const json = { name: typed, password: 'x'.repeat(20) };
  expect((await anonymous.call('POST', '/auth/sign-in', { json })).status).toBe(401);
  const { entries } = await auditOf(admin, '?action=session.refused&limit=1');
  expect(entries[0]).toMatchObject({ actor: { kind: 'nobody' }, outcome: 'refused', address: '127.0.0.1' });
  expect(JSON.stringify(entries)).not.toContain(typed);
  anonymous.close();
});

test('a refresh token that is used twice is in the log', async () => {
  const person = await signUp(service, 'twice');
  const refresh = async (refreshToken: string) => {
    const answer = await admin.call('POST', '/auth/refresh', { json: { refreshToken } });
    return JSON.parse(answer.bytes.toString()) as { refreshToken: string };
  };
  const second = await refresh(person.refreshToken);
  await refresh(second.refreshToken);
  // The one after it was used, so the first is not within its grace any more.
  await refresh(person.refreshToken);
  expect(await actionsOf(person.userId)).toContain('session.reused');
  person.client.close();
});

test('somebody who is signed in has a name in the log, also when the account is gone', async () => {
  const boss = await signUp(service, 'boss', { admin: true });
  const made = await boss.client.call('POST', '/keys', { json: { name: 'k', scopes: ['read'] } });
  await admin.call('DELETE', `/users/${boss.userId}`);
  const { entries } = await auditOf(admin, `?subject=${made.json.id}`);
  expect(entries[0]?.actor).toEqual({ kind: 'person', id: boss.userId, name: 'boss' });
  boss.client.close();
});
