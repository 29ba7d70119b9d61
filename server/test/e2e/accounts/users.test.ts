import { afterAll, beforeAll, expect, test } from 'vitest';
import { PASSWORD, signIn, signUp } from '../people.ts';
import { RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';

let service: RunningService;
let admin: RestClient;
let anybody: RestClient;

beforeAll(async () => {
  service = await startService({ env: { OSPROXY_ACCOUNTS_SIGN_UP: 'open' } });
  anybody = new RestClient(service.url);
  admin = (await signUp(service, 'root', { admin: true })).client;
});
afterAll(async () => {
  admin?.close();
  anybody?.close();
  await service?.close();
});

const create = (json: object) => admin.call('POST', '/users', { json });

test('refuses names, addresses and passwords that nobody may have', async () => {
  const good = { name: 'good', password: PASSWORD };
  const bad: object[] = [
    { ...good, name: '' },
    { ...good, name: 'a b' },
    { ...good, name: 'a@b' },
    { ...good, name: '../x' },
    { ...good, name: 'x'.repeat(65) },
    { ...good, name: '\u202eanna' },
    { ...good, name: '-a' },
    { ...good, password: 'short' },
    { ...good, password: 'aaaaaaaaaaaa' },
    { ...good, name: 'long-enough', password: 'Long-Enough' },
    { ...good, password: 'é'.repeat(600) },
    { ...good, email: 'no address' },
    { ...good, email: 'a@b\r\nBcc: c@d.example' },
    { ...good, email: 'a@b.example,c@d.example' },
    { ...good, displayName: 'a\u0000b' },
    { ...good, displayName: ' ' },
    { ...good, quotaBytes: -1 },
    { ...good, role: 'owner' },
    { ...good, more: true },
  ];
  for (const json of bad) expect([json, (await create(json)).status]).toEqual([json, 400]);
  expect((await create(good)).status).toBe(201);
});

test('names that look the same are the same', async () => {
  expect((await create({ name: 'Zoë', password: PASSWORD, email: 'zoe@example.com' })).status).toBe(201);
  for (const name of ['zoë', 'ZOË', 'Zoe\u0308'])
    expect([name, (await create({ name })).status]).toEqual([name, 409]);
  expect((await create({ name: 'other', email: 'ZOE@example.com' })).status).toBe(409);
  (await signIn(service, 'zoe\u0308')).client.close();
});

test('a list in pages, and by the beginning of the name', async () => {
  for (let n = 0; n < 5; n += 1) await create({ name: `page-${n}` });
  const all: string[] = [];
  let cursor: string | null = '';
  for (let pages = 0; cursor !== null && pages < 20; pages += 1) {
    const more: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const page = (await admin.call('GET', `/users?limit=3${more}`)).json as unknown as {
      users: { name: string }[];
      next: string | null;
    };
    all.push(...page.users.map(({ name }) => name));
    cursor = page.next;
  }
  expect(new Set(all).size).toBe(all.length);
  expect(all).toEqual(expect.arrayContaining(['root', 'page-0', 'page-4']));
  const found = (await admin.call('GET', '/users?prefix=PAGE-')).json as unknown as {
    users: { name: string }[];
  };
  expect(found.users.map(({ name }) => name)).toEqual(['page-0', 'page-1', 'page-2', 'page-3', 'page-4']);
});

test('a change keeps what is left out and takes away what is null', async () => {
  const { userId, client, name } = await signUp(service, 'changing', { email: 'c@example.com' });
  const change = (json: object) => admin.call('PATCH', `/users/${userId}`, { json });
  const groupId = (await admin.call('POST', '/groups', { json: { name: 'changing' } })).json.id;
  expect((await change({ quotaBytes: 5, groupId, displayName: 'C' })).json).toMatchObject({
    ...{ name, email: 'c@example.com', emailVerified: true, quotaBytes: 5, groupId, displayName: 'C' },
  });
  expect((await change({ email: 'd@example.com' })).json).toMatchObject({
    emailVerified: false,
    quotaBytes: 5,
  });
  const without = (await change({ email: null, quotaBytes: null, groupId: null })).json;
  for (const field of ['email', 'quotaBytes', 'groupId']) expect(without).not.toHaveProperty(field);
  expect((await client.call('GET', '/me')).status).toBe(200);
  // Another role is another session.
  await change({ role: 'admin' });
  expect((await client.call('GET', '/me')).status).toBe(401);
  const again = await signIn(service, name);
  expect((await again.client.call('GET', '/users')).status).toBe(200);
  await change({ role: 'member' });
  expect((await again.client.call('GET', '/users')).status).toBe(401);
  for (const one of [client, again.client]) one.close();
});

test('the last administrator stays, also when two take each other away at once', {
  timeout: 120_000,
}, async () => {
  const own = await startService();
  try {
    const [one, two] = [await signUp(own, 'one', { admin: true }), await signUp(own, 'two', { admin: true })];
    const key = new RestClient(own.url, own.apiKey);
    const demote = (id: string) => key.call('PATCH', `/users/${id}`, { json: { role: 'member' } });
    const statuses = (await Promise.all([demote(one.userId), demote(two.userId)])).map(
      ({ status }) => status,
    );
    expect(statuses.sort()).toEqual([200, 409]);
    const left = (await key.call('GET', '/users')).json as unknown as {
      users: { id: string; role: string }[];
    };
    const [last] = left.users.filter(({ role }) => role === 'admin');
    expect((await key.call('DELETE', `/users/${last?.id}`)).status).toBe(409);
    expect((await key.call('PATCH', `/users/${last?.id}`, { json: { state: 'disabled' } })).status).toBe(409);
    for (const { client } of [one, two]) client.close();
    key.close();
  } finally {
    await own.close();
  }
});

test('an administrator sets a password, makes a link that does, and signs somebody out', async () => {
  const { userId, client, name } = await signUp(service, 'helped');
  const set = await admin.call('POST', `/users/${userId}/password`, {
    json: { password: 'set by an admin' },
  });
  expect(set.status).toBe(204);
  expect((await client.call('GET', '/me')).status).toBe(401);
  const again = await signIn(service, name, 'set by an admin');
  const made = await admin.call('POST', `/users/${userId}/password-reset`);
  const { url } = made.json as unknown as { url: string };
  const [path, token] = url.split('#');
  expect(path).toBe('/reset-password');
  const reset = await anybody.call('POST', '/auth/reset-password', {
    json: { token, password: 'set by a link' },
  });
  expect(reset.status).toBe(204);
  expect((await again.client.call('GET', '/me')).status).toBe(401);
  const third = await signIn(service, name, 'set by a link');
  expect((await admin.call('POST', `/users/${userId}/sign-out`)).status).toBe(204);
  expect((await third.client.call('GET', '/me')).status).toBe(401);
  for (const one of [client, again.client, third.client]) one.close();
});

test('where sign-up is open, everybody makes an account, as a member and without an address', async () => {
  const options = (await anybody.call('GET', '/auth/options')).json;
  expect(options).toEqual({
    signUp: 'open',
    signUpDomains: [],
    mail: false,
    passwordMinLength: 10,
    setUp: true,
  });
  const join = (json: object) => anybody.call('POST', '/auth/sign-up', { json });
  const joined = await join({ name: 'joined', password: PASSWORD });
  expect(joined.status).toBe(201);
  expect((joined.json as unknown as { user: object }).user).toMatchObject({
    role: 'member',
    emailVerified: false,
  });
  expect((await join({ name: 'JOINED', password: PASSWORD })).status).toBe(409);
  expect((await join({ name: 'boss', password: PASSWORD, role: 'admin' })).status).toBe(400);
  const forgot = await anybody.call('POST', '/auth/forgot-password', { json: { name: 'joined' } });
  expect(forgot.json.code).toBe('Unsupported');
});

test('somebody changes the own display name, and nothing else', async () => {
  const { client } = await signUp(service, 'vain');
  const change = (json: object) => client.call('PATCH', '/me', { json });
  expect((await change({ displayName: 'Vera 王' })).json).toMatchObject({ displayName: 'Vera 王' });
  expect((await change({ displayName: 'x', role: 'admin' })).status).toBe(400);
  client.close();
});

test('what was done to whom is in the audit log', async () => {
  const { client } = await signUp(service, 'watched');
  await client.call('POST', '/auth/sign-out');
  await anybody.call('POST', '/auth/sign-in', { json: { name: 'watched', password: 'a wrong password' } });
  const log = await admin.call('GET', '/audit?limit=200');
  const entries = (log.json as unknown as { entries: { action: string }[] }).entries;
  const actions = new Set(entries.map(({ action }) => action));
  for (const action of [
    'user.created',
    'session.begun',
    'session.ended',
    'session.refused',
    'password.reset',
  ]) {
    expect(actions).toContain(action);
  }
  expect(log.bytes.toString()).not.toMatch(/argon2|correct horse|a wrong password/);
  client.close();
});
