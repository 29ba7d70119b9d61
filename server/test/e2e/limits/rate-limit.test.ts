import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { Client } from '#test/e2e/osproxy-v0/client.ts';
import { RestClient } from '#test/e2e/rest/client.ts';
import { type RunningService, startService } from '#test/e2e/service.ts';
import { startNodes } from '#test/faults/redis-nodes.ts';
import { startRedis } from '#test/services/redis.ts';
import { withService } from '#test/services/shared.ts';

const LIMIT = 20;

let service: RunningService | undefined;
afterEach(() => service?.close());

test('requests above the rate are refused in the form of each wire, others go on', async () => {
  service = await startService({ env: { OSPROXY_HTTP_RATE_LIMIT: String(LIMIT) } });
  const rest = new RestClient(service.url, service.apiKey);
  const { uid, headers } = await rest.call('PUT', '/files/a', { body: 'abc' }).then((answer) => ({
    uid: answer.json.uid,
    headers: answer.headers,
  }));
  expect(headers).toMatchObject({
    'ratelimit-policy': `"requests";q=${LIMIT};w=60`,
    ratelimit: expect.stringMatching(/^"requests";r=19;t=\d{1,2}$/),
  });
  for (let left = LIMIT - 2; left >= 0; left -= 1) {
    const answer = await rest.content(uid);
    expect([answer.status, answer.headers.ratelimit]).toEqual([200, expect.stringContaining(`;r=${left};`)]);
  }
  const refused = await rest.content(uid);
  expect(refused.status).toBe(429);
  expect(refused.json).toMatchObject({
    code: 'RateLimited',
    detail: expect.stringMatching(/^Too many requests; try again in \d+ s\.$/),
  });
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(120);
  expect(refused.headers.ratelimit).toMatch(/^"requests";r=0;t=\d+$/);

  const v0 = await new Client(service.url, service.apiKey).post('/link/download', { uid: [uid] });
  expect([v0.status, v0.body.code]).toEqual([429, 429]);
  expect(v0.body.message).toMatch(/^Too many requests/);

  // Somebody else, and those who watch the service, are not refused.
  const anonymous = await fetch(`${service.url}/api/v1/files/${uid}`);
  expect([anonymous.status, anonymous.headers.get('ratelimit')]).toEqual([
    401,
    expect.stringContaining(';r=19;'),
  ]);
  for (let i = 0; i < LIMIT + 5; i += 1) expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
  rest.close();
});

test('without the setting nothing is counted or told', async () => {
  service = await startService();
  const answer = await fetch(`${service.url}/api/v1/files`, { headers: { 'x-api-key': service.apiKey } });
  expect([answer.status, answer.headers.get('ratelimit')]).toEqual([200, null]);
});

test('an address that guesses keys is shut out, but not who is known to be good', async () => {
  service = await startService({ env: { OSPROXY_HTTP_FAILED_AUTHENTICATIONS: '5' } });
  const { url, apiKey } = service;
  const status = async (path: string, key: string) =>
    (await fetch(url + path, { headers: { authorization: `Bearer ${key}` } })).status;
  expect(await status('/api/v1/files', apiKey)).toBe(200);
  const guesses = [];
  for (let i = 0; i < 8; i += 1) guesses.push(await status('/api/v1/files', `guess-number-${i}`));
  expect(guesses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
  expect(await status('/api/storage/v0/proxy?uid=1', 'another-guess')).toBe(429);
  expect(await status('/api/v1/files', apiKey)).toBe(200);
  expect((await fetch(`${url}/api/v1/files/1/content?link=x.y`)).status).toBe(429);
});

await withService('redis-server', () => {
  test('two nodes count together with Redis, and each alone without', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const limits = { OSPROXY_HTTP_RATE_LIMIT: '30', OSPROXY_HTTP_FAILED_AUTHENTICATIONS: '6' };
    const nodes = await startNodes(redis.url, limits);
    const asked = async (times: number) => {
      const counts: Record<number, number> = {};
      for (let i = 0; i < times; i += 1) {
        const { rest } = i % 2 === 0 ? nodes.a : nodes.b;
        const { status } = await rest.call('GET', '/files');
        counts[status] = (counts[status] ?? 0) + 1;
      }
      return counts;
    };
    try {
      // The minutes of Redis are those of the clock, and what is counted before the turn of one fades after it.
      const left = 60_000 - (Date.now() % 60_000);
      if (left < 15_000) await sleep(left);
      expect(await asked(40)).toEqual({ 200: 30, 429: 10 });
      const guess = async (url: string) =>
        (await fetch(`${url}/api/v1/files`, { headers: { 'x-api-key': 'wrong-wrong' } })).status;
      const [a, b] = [nodes.a.service.url, nodes.b.service.url];
      const guesses = [];
      for (let i = 0; i < 4; i += 1) guesses.push(await guess(a), await guess(b));
      expect(guesses).toEqual([401, 401, 401, 401, 401, 401, 401, 429]);
      await redis.kill();
      expect(await asked(60)).toEqual({ 200: 60 });
      expect((await asked(10))[429]).toBeGreaterThan(7);
    } finally {
      await nodes.close();
      await redis.stop();
    }
  });
});
