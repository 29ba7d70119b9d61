import { afterEach, expect, it } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import { type HealthOptions, registerHealth } from './health.ts';
import { startServer, type TestServer } from './test-server.ts';

let server: TestServer;
afterEach(async () => server?.app.close());

async function start(options: Partial<HealthOptions> = {}): Promise<void> {
  const metrics = { contentType: 'text/plain; version=0.0.4', text: async () => 'things_total 1\n' };
  server = await startServer((app) => {
    registerHealth(app, { checks: [], metrics, ...options });
  });
}

const get = (path: string, headers: Record<string, string> = {}) => fetch(server.origin + path, { headers });

it('tells that the process answers, whatever key comes along', async () => {
  await start();
  const answer = await get('/healthz', { authorization: 'Bearer wrong' });
  expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }]);
});

it('asks everything it needs, each with its latency', async () => {
  await start({
    checks: [
      { name: 'database', check: () => new Promise((resolve) => setTimeout(resolve, 30)) },
      { name: 'store', check: async () => {} },
    ],
  });
  const answer = await get('/readyz');
  const { status, checks } = (await answer.json()) as {
    status: string;
    checks: { name: string; latencyMs: number }[];
  };
  expect([answer.status, status, checks.map((check) => check.name)]).toEqual([
    200,
    'ok',
    ['database', 'store'],
  ]);
  expect(checks[0]?.latencyMs).toBeGreaterThan(20);
});

it('is degraded, but ready, without what it can do without', async () => {
  const away = () => Promise.reject(new OsproxyError('Unavailable', 'Redis does not answer.'));
  const checks = [
    { name: 'database', check: async () => {} },
    { name: 'redis', optional: true, check: away },
  ];
  await start({ checks });
  const answer = await get('/readyz');
  const body = (await answer.json()) as { status: string; checks: { ok: boolean; error?: string }[] };
  expect([answer.status, body.status]).toEqual([200, 'degraded']);
  expect(body.checks[1]).toMatchObject({ ok: false, error: 'Redis does not answer.' });
  await server.app.close();
  await start({ checks: [{ name: 'database', check: away }, ...checks.slice(1)] });
  expect((await get('/readyz')).status).toBe(503);
});

it('is not ready from the moment at which it is about to stop', async () => {
  let stopping = false;
  await start({ checks: [{ name: 'database', check: async () => {} }], stopping: () => stopping });
  expect((await get('/readyz')).status).toBe(200);
  stopping = true;
  const answer = await get('/readyz');
  expect([answer.status, await answer.json()]).toMatchObject([503, { status: 'stopping' }]);
  expect((await get('/healthz')).status).toBe(200);
});

it('fails when one fails or does not answer, and gives no secret away', async () => {
  let aborted = false;
  await start({
    checkTimeoutMs: 100,
    checks: [
      { name: 'good', check: async () => {} },
      { name: 'leaky', check: async () => Promise.reject(new Error('postgres://user:s3cret@db')) },
      { name: 'inner', check: async () => Promise.reject(new OsproxyError('Internal', 's3cret')) },
      {
        name: 'away',
        check: async () => Promise.reject(new OsproxyError('Unavailable', 'The database is away.')),
      },
      {
        name: 'hanging',
        check: (signal) =>
          new Promise(() => {
            signal.addEventListener('abort', () => {
              aborted = true;
            });
          }),
      },
      {
        name: 'throwing',
        check: () => {
          throw new Error('s3cret');
        },
      },
    ],
  });
  const answer = await get('/readyz');
  const text = await answer.text();
  expect(answer.status).toBe(503);
  expect(text).not.toContain('s3cret');
  const { status, checks } = JSON.parse(text) as {
    status: string;
    checks: { name: string; ok: boolean; error?: string }[];
  };
  expect(status).toBe('failing');
  expect(Object.fromEntries(checks.map((check) => [check.name, check.error ?? check.ok]))).toEqual({
    good: true,
    leaky: 'It does not answer as it should.',
    inner: 'It does not answer as it should.',
    away: 'The database is away.',
    hanging: 'No answer within 100 ms.',
    throwing: 'It does not answer as it should.',
  });
  expect(aborted).toBe(true);
});

it('shows metrics to everybody, or to admins only', async () => {
  await start();
  const open = await get('/metrics');
  expect([open.status, open.headers.get('content-type'), await open.text()]).toEqual([
    200,
    'text/plain; version=0.0.4',
    'things_total 1\n',
  ]);
  await server.app.close();
  await start({ publicMetrics: false });
  expect((await get('/metrics')).status).toBe(401);
  expect((await get('/metrics', { 'x-api-key': 'key-read' })).status).toBe(403);
  expect((await get('/metrics', { 'x-api-key': 'key-admin' })).status).toBe(200);
});
