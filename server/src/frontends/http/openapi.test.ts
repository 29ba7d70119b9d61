import { Type } from 'typebox';
import { afterEach, expect, it } from 'vitest';
import { registerOpenApi } from './openapi.ts';
import { PUBLIC, RawClient, startServer, type TestServer } from './test-server.ts';

let server: TestServer;
afterEach(async () => server?.app.close());

async function start(enabled: boolean): Promise<void> {
  server = await startServer(async (app) => {
    await registerOpenApi(app, { enabled, version: '1.2.3' });
    app.get(
      '/things/:id',
      {
        ...PUBLIC,
        schema: {
          params: Type.Object({ id: Type.String() }),
          security: [{ bearerKey: [] }],
          response: { 200: Type.Object({ id: Type.String() }), default: Type.Ref('Problem') },
        },
      },
      async (request) => ({ id: request.params.id }),
    );
    const config = { access: { kind: 'service', scope: 'read' } } as const;
    app.get('/keyed', { config, schema: { summary: 'Needs a key' } }, async () => 'ok');
  });
}

const get = (path: string) =>
  fetch(server.origin + path, { headers: { authorization: 'Bearer wrong' }, redirect: 'manual' });

it('describes every route, the problem and the keys', async () => {
  await start(true);
  const answer = await get('/openapi.json');
  expect(answer.status).toBe(200);
  const document = (await answer.json()) as {
    openapi: string;
    paths: Record<string, Record<string, { responses: Record<string, unknown>; security: unknown }>>;
    components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
  };
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths)).toEqual(['/things/{id}', '/keyed']);
  expect(document.paths['/keyed']?.get?.security).toEqual([{ bearerKey: [] }, { apiKey: [] }]);
  expect(document.components.schemas).toHaveProperty('Problem');
  expect(Object.keys(document.components.securitySchemes)).toEqual([
    'bearerKey',
    'apiKey',
    'accessToken',
    'linkToken',
  ]);
  expect(JSON.stringify(document.paths['/things/{id}']?.get?.responses)).toContain(
    '#/components/schemas/Problem',
  );
});

it('serves the page and everything it loads from here', async () => {
  await start(true);
  const page = await get('/docs/');
  const html = await page.text();
  expect(page.status).toBe(200);
  const csp = page.headers.get('content-security-policy') ?? '';
  expect(csp).toContain("script-src 'self'");
  expect(csp).not.toContain('https:');
  expect(html).not.toMatch(/(?:src|href)="https?:/);
  expect(html).not.toMatch(/<script>(?!<)/);
  const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(
    ([, path]) => new URL(path ?? '', `${server.origin}/docs/`),
  );
  expect(assets.length).toBeGreaterThan(3);
  for (const asset of assets) {
    expect(asset.origin).toBe(server.origin);
    const answer = await fetch(asset);
    expect([asset.pathname, answer.status]).toEqual([asset.pathname, 200]);
    if (asset.pathname.endsWith('initializer.js')) expect(await answer.text()).toContain("'./json'");
    else await answer.arrayBuffer();
  }
});

it('answers 404 for what is not there, and nothing else for a path that leaves the folder', async () => {
  await start(true);
  const missing = await get('/docs/static/nosuch.js');
  expect([missing.status, await missing.json()]).toEqual([
    404,
    expect.objectContaining({ code: 'NotFound' }),
  ]);
  expect((await fetch(`${server.origin}/docs/static/index.css`, { method: 'PUT' })).status).toBe(405);
  for (const [path, status] of [
    ['/docs/static/../x', 404],
    ['/docs/static/%2e%2e/x', 404],
    ['/docs/static/..\\x', 404],
    ['/docs/static/%00', 404],
  ] as const) {
    const client = new RawClient(server.port);
    await client.send(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`).closed;
    const answer = client.received;
    expect([path, answer]).toEqual([path, expect.stringMatching(new RegExp(`^HTTP/1.1 ${status} `))]);
    expect(answer).not.toMatch(/node_modules|FST_|Error:/);
  }
  expect(server.lines.filter(({ level }) => level === 50)).toEqual([]);
});

it('can be switched off', async () => {
  await start(false);
  expect((await get('/openapi.json')).status).toBe(404);
  expect((await get('/docs/')).status).toBe(404);
  const answer = await get('/things/5');
  expect(answer.status).toBe(401);
});
