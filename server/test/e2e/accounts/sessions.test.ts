import { afterAll, beforeAll, expect, test } from 'vitest';
import { PASSWORD, signIn, signUp } from '../people.ts';
import { RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';

let service: RunningService;
let anybody: RestClient;
let count = 0;

beforeAll(async () => {
  service = await startService();
  anybody = new RestClient(service.url);
});
afterAll(async () => {
  anybody?.close();
  await service?.close();
});

async function somebody(options = {}) {
  count += 1;
  const person = await signUp(service, `person-${count}`, options);
  return person;
}

const refresh = (refreshToken: string) => anybody.call('POST', '/auth/refresh', { json: { refreshToken } });
const statusOf = async (token: string) => {
  const client = new RestClient(service.url, token);
  const { status } = await client.call('GET', '/me');
  client.close();
  return status;
};

test('somebody signs in by name or e-mail address, whatever the case', async () => {
  const anna = await signUp(service, 'Anna', { email: 'Anna@example.com' });
  const me = await anna.client.call('GET', '/me');
  expect(me.status).toBe(200);
  expect(me.json).toMatchObject({ id: anna.userId, name: 'Anna', role: 'member', state: 'active' });
  expect(JSON.stringify(me.json)).not.toMatch(/argon2|epoch/i);
  for (const name of ['anna', 'ANNA', ' anna ', 'anna@EXAMPLE.com']) {
    const answer = await anybody.call('POST', '/auth/sign-in', { json: { name, password: PASSWORD } });
    expect([name, answer.status]).toEqual([name, 200]);
    expect(answer.headers['cache-control']).toBe('no-store');
  }
  anna.client.close();
});

test('a wrong name and a wrong password look the same', async () => {
  const { name, client } = await somebody();
  const wrong = [
    { name, password: 'something else' },
    { name: 'nobody-of-this-name', password: PASSWORD },
    { name: 'nobody@example.com', password: PASSWORD },
    { name, password: '' },
    { name, password: 'x'.repeat(1024) },
  ];
  const answers = await Promise.all(wrong.map((json) => anybody.call('POST', '/auth/sign-in', { json })));
  expect(answers.map(({ status }) => status)).toEqual(wrong.map(() => 401));
  expect(new Set(answers.map(({ json }) => json.detail))).toEqual(
    new Set(['The name or the password is wrong.']),
  );
  client.close();
});

test('a refresh token is good for one refresh, and its answer may be asked for again at once', async () => {
  const { refreshToken, sessionId, client } = await somebody();
  const first = (await refresh(refreshToken)).json as unknown as Record<string, string>;
  expect(first.sessionId).toBe(sessionId);
  expect(first.refreshToken).not.toBe(refreshToken);
  expect(await statusOf(first.accessToken ?? '')).toBe(200);
  const again = (await refresh(refreshToken)).json as unknown as Record<string, string>;
  expect(again.refreshToken).toBe(first.refreshToken);
  const second = (await refresh(first.refreshToken ?? '')).json as unknown as Record<string, string>;
  expect(await statusOf(second.accessToken ?? '')).toBe(200);
  client.close();
});

test('a refresh token that was used before ends the session, for the thief as well', async () => {
  const { refreshToken, client } = await somebody();
  const first = (await refresh(refreshToken)).json as unknown as Record<string, string>;
  const second = (await refresh(first.refreshToken ?? '')).json as unknown as Record<string, string>;
  // Its successor was used, so whoever shows it is late.
  expect((await refresh(refreshToken)).status).toBe(401);
  expect((await refresh(second.refreshToken ?? '')).status).toBe(401);
  expect(await statusOf(second.accessToken ?? '')).toBe(401);
  client.close();
});

test('many tabs that refresh at once all go on', async () => {
  const { refreshToken, client } = await somebody();
  const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(refreshToken)));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
  const tokens = new Set(answers.map(({ json }) => (json as unknown as Record<string, string>).refreshToken));
  expect(tokens.size).toBe(1);
  const [next = ''] = tokens;
  expect((await refresh(next)).status).toBe(200);
  client.close();
});

test('a list of sessions, from which one is ended', async () => {
  const one = await somebody();
  const two = await signIn(service, one.name);
  const stranger = await somebody();
  const list = async () =>
    ((await one.client.call('GET', '/me/sessions')).json as unknown as { sessions: { id: string }[] })
      .sessions;
  expect(await list()).toMatchObject([
    { id: two.sessionId, current: false, how: 'password' },
    { id: one.sessionId, current: true },
  ]);
  expect((await stranger.client.call('DELETE', `/me/sessions/${two.sessionId}`)).status).toBe(404);
  expect(await statusOf(two.accessToken)).toBe(200);
  expect((await one.client.call('DELETE', `/me/sessions/${two.sessionId}`)).status).toBe(204);
  expect(await statusOf(two.accessToken)).toBe(401);
  expect((await refresh(two.refreshToken)).status).toBe(401);
  expect(await list()).toHaveLength(1);
  for (const { client } of [one, two, stranger]) client.close();
});

test('signing out ends the session of the access token, or of the refresh token', async () => {
  const one = await somebody();
  expect((await one.client.call('POST', '/auth/sign-out')).status).toBe(204);
  expect(await statusOf(one.accessToken)).toBe(401);
  expect((await refresh(one.refreshToken)).status).toBe(401);
  const two = await signIn(service, one.name);
  const json = { refreshToken: two.refreshToken };
  expect((await anybody.call('POST', '/auth/sign-out', { json })).status).toBe(204);
  expect(await statusOf(two.accessToken)).toBe(401);
  expect((await anybody.call('POST', '/auth/sign-out', { json })).status).toBe(204);
  for (const { client } of [one, two]) client.close();
});

test('signing out everywhere ends every session at once', async () => {
  const one = await somebody();
  const two = await signIn(service, one.name);
  expect((await two.client.call('POST', '/me/sessions/sign-out-everywhere')).status).toBe(204);
  expect(await statusOf(one.accessToken)).toBe(401);
  expect(await statusOf(two.accessToken)).toBe(401);
  expect((await refresh(one.refreshToken)).status).toBe(401);
  const three = await signIn(service, one.name);
  expect(await statusOf(three.accessToken)).toBe(200);
  for (const { client } of [one, two, three]) client.close();
});

test('another password ends every session and begins a new one', async () => {
  const one = await somebody();
  const two = await signIn(service, one.name);
  const change = (oldPassword: string, newPassword: string) =>
    one.client.call('POST', '/me/password', { json: { oldPassword, newPassword } });
  expect((await change('wrong', 'another password')).status).toBe(403);
  expect((await change(PASSWORD, 'short')).status).toBe(400);
  expect(await statusOf(two.accessToken)).toBe(200);
  const changed = await change(PASSWORD, 'another password');
  expect(changed.status).toBe(200);
  expect(await statusOf(one.accessToken)).toBe(401);
  expect(await statusOf(two.accessToken)).toBe(401);
  expect(await statusOf((changed.json as unknown as { accessToken: string }).accessToken)).toBe(200);
  await expect(signIn(service, one.name)).rejects.toThrow('401');
  (await signIn(service, one.name, 'another password')).client.close();
  for (const { client } of [one, two]) client.close();
});

test('who is disabled or deleted is out at once', async () => {
  const admin = new RestClient(service.url, service.apiKey);
  const one = await somebody();
  const disable = await admin.call('PATCH', `/users/${one.userId}`, { json: { state: 'disabled' } });
  expect(disable.status).toBe(200);
  expect(await statusOf(one.accessToken)).toBe(401);
  expect((await refresh(one.refreshToken)).status).toBe(401);
  const refused = await anybody.call('POST', '/auth/sign-in', {
    json: { name: one.name, password: PASSWORD },
  });
  expect([refused.status, refused.json.code]).toEqual([403, 'PermissionDenied']);
  const two = await somebody();
  expect((await admin.call('DELETE', `/users/${two.userId}`)).status).toBe(204);
  expect(await statusOf(two.accessToken)).toBe(401);
  expect((await refresh(two.refreshToken)).status).toBe(401);
  expect((await admin.call('GET', `/users/${two.userId}`)).status).toBe(404);
  for (const { client } of [one, two]) client.close();
  admin.close();
});
