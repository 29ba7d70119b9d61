import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PASSWORD, signUp, type TestPerson } from '../people.ts';
import { RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';

let service: RunningService;
let anna: TestPerson;

beforeAll(async () => {
  service = await startService();
  anna = await signUp(service, 'anna', { admin: true });
});
afterAll(async () => {
  anna?.client.close();
  await service?.close();
});

async function statusOf(token: string, path = '/me', from = service): Promise<number> {
  const client = new RestClient(from.url, token);
  try {
    return (await client.call('GET', path)).status;
  } finally {
    client.close();
  }
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

test('a token that says what it wants to be opens nothing', async () => {
  const keys = (await (await fetch(`${service.url}/.well-known/jwks.json`)).json()) as {
    keys: { kid: string; x: string }[];
  };
  const [{ kid, x } = { kid: '', x: '' }] = keys.keys;
  const [header = '', payload = '', signature = ''] = anna.accessToken.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const text = `${encoded({ alg: 'HS256', typ: 'at+jwt', kid })}.${payload}`;
  const hmac = (secret: string | Buffer) =>
    `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  const attacks = [
    `${encoded({ alg: 'none', typ: 'at+jwt', kid })}.${payload}.`,
    `${encoded({ alg: 'none', typ: 'at+jwt' })}.${payload}.${signature}`,
    hmac(x),
    hmac(Buffer.from(x, 'base64url')),
    `${header}.${encoded({ ...claims, sub: '1' })}.${signature}`,
    `${header}.${encoded({ ...claims, exp: claims.exp + 1000 })}.${signature}`,
    `${header}.${payload}.`,
    `${header}.${payload}`,
    `${header}.${payload}.${signature}.${signature}`,
    anna.refreshToken,
    anna.sessionId,
  ];
  for (const attack of attacks) {
    for (const path of ['/me', '/users', '/files', '/tasks']) {
      expect([attack, path, await statusOf(attack, path)]).toEqual([attack, path, 401]);
    }
  }
  expect(await statusOf(anna.accessToken, '/users')).toBe(200);
});

test('the token of another installation opens nothing', { timeout: 120_000 }, async () => {
  const other = await startService();
  try {
    // The same names, and perhaps ids; another key.
    const twin = await signUp(other, 'anna', { admin: true });
    expect(await statusOf(twin.accessToken, '/me', other)).toBe(200);
    expect(await statusOf(twin.accessToken)).toBe(401);
    twin.client.close();
  } finally {
    await other.close();
  }
});

test('a refresh token is no access token, and nothing else is a refresh token', async () => {
  const anybody = new RestClient(service.url);
  const refresh = (refreshToken: string) => anybody.call('POST', '/auth/refresh', { json: { refreshToken } });
  for (const token of [anna.accessToken.slice(0, 100), service.apiKey, 'A'.repeat(43), "' or 1=1 --"]) {
    expect((await refresh(token)).status).toBe(401);
  }
  // None of these was taken for a sign of theft.
  expect(await statusOf(anna.accessToken)).toBe(200);
  anybody.close();
});

test('people get no further than their role, whatever they send along', async () => {
  const member = await signUp(service, 'member');
  const headers = { 'x-api-key': 'wrong', 'x-user-id': anna.userId, 'x-role': 'admin' };
  expect((await member.client.call('GET', '/users', { headers })).status).toBe(403);
  expect((await member.client.call('GET', `/users/${member.userId}`)).status).toBe(403);
  expect(
    (await member.client.call('PATCH', `/users/${member.userId}`, { json: { role: 'admin' } })).status,
  ).toBe(403);
  expect((await member.client.call('DELETE', `/me/sessions/${anna.sessionId}`)).status).toBe(404);
  expect(await statusOf(anna.accessToken)).toBe(200);
  member.client.close();
});

test('what ends on one node ends on the other within two seconds', { timeout: 120_000 }, async () => {
  const other = await startService({ dataDir: service.dataDir });
  try {
    const admin = new RestClient(service.url, service.apiKey);
    const ends: [string, (person: TestPerson) => Promise<unknown>][] = [
      ['sign-out', ({ client }) => client.call('POST', '/auth/sign-out')],
      ['everywhere', ({ client }) => client.call('POST', '/me/sessions/sign-out-everywhere')],
      ['disabled', ({ userId }) => admin.call('PATCH', `/users/${userId}`, { json: { state: 'disabled' } })],
      ['deleted', ({ userId }) => admin.call('DELETE', `/users/${userId}`)],
      [
        'password',
        ({ client }) =>
          client.call('POST', '/me/password', {
            json: { oldPassword: PASSWORD, newPassword: 'another password' },
          }),
      ],
    ];
    for (const [name, end] of ends) {
      const person = await signUp(service, `ends-${name}`);
      expect([name, await statusOf(person.accessToken, '/me', other)]).toEqual([name, 200]);
      await end(person);
      expect([name, await statusOf(person.accessToken)]).toEqual([name, 401]);
      await expect
        .poll(() => statusOf(person.accessToken, '/me', other), { timeout: 15_000, interval: 100 })
        .toBe(401);
      person.client.close();
    }
    admin.close();
  } finally {
    await other.stop();
  }
});

test('wrong tokens count against the address, those that are over do not', { timeout: 120_000 }, async () => {
  const own = await startService({ env: { OSPROXY_HTTP_FAILED_AUTHENTICATIONS: '5' } });
  try {
    const over = await signUp(own, 'over');
    await over.client.call('POST', '/auth/sign-out');
    for (let n = 0; n < 10; n += 1) expect(await statusOf(over.accessToken, '/me', own)).toBe(401);
    over.client.close();
    const statuses: number[] = [];
    const [header = '', payload = ''] = over.accessToken.split('.');
    for (let n = 0; n < 8; n += 1) {
      statuses.push(await statusOf(`${header}.${payload}.${'A'.repeat(85)}${n}`, '/me', own));
    }
    expect(statuses).toContain(429);
    expect(statuses.slice(0, 5)).toEqual([401, 401, 401, 401, 401]);
  } finally {
    await own.close();
  }
});

test('a configured key that looks like a token stays a key', async () => {
  const key = `eyJhbGciOiJFZERTQSJ9.${'a'.repeat(20)}.${'b'.repeat(20)}`;
  const own = await startService({ env: { OSPROXY_API_KEY: key } });
  try {
    expect(await statusOf(key, '/files', own)).toBe(200);
  } finally {
    await own.close();
  }
});

test('an access token ends by itself', { timeout: 120_000 }, async () => {
  const own = await startService({ env: { OSPROXY_ACCOUNTS_ACCESS_TOKEN_SECONDS: '10' } });
  try {
    const { accessToken, refreshToken, client } = await signUp(own, 'anna');
    expect(await statusOf(accessToken, '/me', own)).toBe(200);
    await expect.poll(() => statusOf(accessToken, '/me', own), { timeout: 40_000, interval: 500 }).toBe(401);
    const answer = await client.call('GET', '/me');
    expect(answer.json.details).toEqual({ reason: 'expired' });
    expect(answer.headers['www-authenticate']).toContain('Bearer');
    const refreshed = await new RestClient(own.url).call('POST', '/auth/refresh', { json: { refreshToken } });
    const { accessToken: next } = refreshed.json as unknown as { accessToken: string };
    expect(await statusOf(next, '/me', own)).toBe(200);
    client.close();
  } finally {
    await own.close();
  }
});

test('no password and no token is in the log', () => {
  const log = service.lines.join('\n');
  for (const secret of [PASSWORD, 'another password', anna.accessToken, anna.refreshToken]) {
    expect(log).not.toContain(secret);
  }
});
