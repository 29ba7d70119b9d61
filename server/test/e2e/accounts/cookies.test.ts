import { afterAll, beforeAll, expect, test } from 'vitest';
import { PASSWORD, signUp } from '../people.ts';
import { type Answer, RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';

let service: RunningService;
let page: RestClient;
const OWN = { 'sec-fetch-site': 'same-origin' };

beforeAll(async () => {
  service = await startService();
  page = new RestClient(service.url);
  (await signUp(service, 'anna')).client.close();
});
afterAll(async () => {
  page?.close();
  await service?.close();
});

const signIn = (headers: Record<string, string> = OWN) =>
  page.call('POST', '/auth/sign-in', { json: { name: 'anna', password: PASSWORD, cookie: true }, headers });

/** What the browser would send back. */
function cookieOf(answer: Answer): string {
  return answer.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
}

const refresh = (cookie: string, headers: Record<string, string> = OWN) =>
  page.call('POST', '/auth/refresh', { headers: { ...headers, cookie } });

test('a page gets its refresh token in a cookie that scripts and other sites do not get', async () => {
  const answer = await signIn();
  expect(answer.status).toBe(200);
  expect(answer.json).not.toHaveProperty('refreshToken');
  const [set = ''] = answer.headers['set-cookie'] ?? [];
  expect(set).toMatch(
    /^osproxy_refresh=[A-Za-z0-9_-]{43}; Path=\/api\/v1\/auth; Expires=[^;]+; HttpOnly; SameSite=Strict$/,
  );
  const refreshed = await refresh(cookieOf(answer));
  expect(refreshed.status).toBe(200);
  expect(refreshed.json).not.toHaveProperty('refreshToken');
  expect(cookieOf(refreshed)).not.toBe(cookieOf(answer));
});

test('requests that another site made the browser send are refused, and change nothing', async () => {
  const cookie = cookieOf(await signIn());
  const foreign: Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'cross-site', origin: service.url },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: service.url.replace('http:', 'https:') },
    {},
  ];
  for (const headers of foreign) {
    expect([headers, (await refresh(cookie, headers)).status]).toEqual([headers, 403]);
    const out = await page.call('POST', '/auth/sign-out', { headers: { ...headers, cookie } });
    expect([headers, out.status]).toEqual([headers, 403]);
    expect([headers, (await signIn(headers)).status]).toEqual([headers, 403]);
  }
  expect((await refresh(cookie, { origin: service.url })).status).toBe(200);
});

test('signing in leaves a session that was there before as it was, and takes none over', async () => {
  const planted = cookieOf(await signIn());
  const answer = await page.call('POST', '/auth/sign-in', {
    json: { name: 'anna', password: PASSWORD, cookie: true },
    headers: { ...OWN, cookie: planted },
  });
  expect(cookieOf(answer)).not.toBe(planted);
  const [first, second] = [await refresh(planted), await refresh(cookieOf(answer))];
  const idOf = ({ json }: Answer) => (json as unknown as { sessionId: string }).sessionId;
  expect(idOf(first)).not.toBe(idOf(second));
});

test('signing out ends the session and takes the cookie away', async () => {
  const cookie = cookieOf(await signIn());
  const out = await page.call('POST', '/auth/sign-out', { headers: { ...OWN, cookie } });
  expect(out.status).toBe(204);
  expect(out.headers['set-cookie']?.[0]).toMatch(/^osproxy_refresh=; .*Expires=Thu, 01 Jan 1970/);
  const late = await refresh(cookie);
  expect(late.status).toBe(401);
  expect(late.headers['set-cookie']?.[0]).toMatch(/^osproxy_refresh=; /);
  expect((await page.call('POST', '/auth/refresh', { headers: OWN })).status).toBe(401);
});

test('behind https the cookie is secure, below the path of the public address', {
  timeout: 120_000,
}, async () => {
  const other = await startService({ env: { OSPROXY_PUBLIC_URL: 'https://files.example/store/' } });
  const client = new RestClient(other.url);
  try {
    (await signUp(other, 'anna')).client.close();
    const json = { name: 'anna', password: PASSWORD, cookie: true };
    const answer = await client.call('POST', '/auth/sign-in', {
      json,
      headers: { origin: 'https://files.example' },
    });
    expect(answer.headers['set-cookie']?.[0]).toMatch(
      /Path=\/store\/api\/v1\/auth; .*HttpOnly; Secure; SameSite=Strict/,
    );
    const foreign = await client.call('POST', '/auth/sign-in', { json, headers: { origin: other.url } });
    expect(foreign.status).toBe(403);
  } finally {
    client.close();
    await other.close();
  }
});
