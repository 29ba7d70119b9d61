import { Type } from 'typebox';
import { afterEach, describe, expect, it } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import { createHttpServer, type HttpServer, type HttpServerOptions } from './server.ts';
import { PUBLIC, RawClient, startServer, type TestServer, until } from './test-server.ts';

let server: TestServer;
afterEach(async () => server?.app.close());

const read = { config: { access: { kind: 'service', scope: 'read', link: 'read' } } } as const;

async function start(options: Partial<HttpServerOptions> = {}): Promise<void> {
  server = await startServer(routes, options);
}

function routes(app: HttpServer): void {
  app.get('/hello', PUBLIC, async () => ({ hello: 'world' }));
  app.get('/whoami', read, async (request) => request.principal.kind);
  app.delete('/whoami', read, async () => 'gone');
  app.get('/files/:uid', { config: { access: { kind: 'service', scope: 'read' } } }, async () => 'file');
  app.get('/boom', PUBLIC, async () => {
    throw new Error('secret detail at /var/lib/x');
  });
  app.get('/internal', PUBLIC, async () => {
    throw new OsproxyError('Internal', 'sqlite said: no such table');
  });
  app.get('/busy', PUBLIC, async () => {
    throw new OsproxyError('RateLimited', 'Too many.', { retryAfterSeconds: 1.2, details: { limit: 3 } });
  });
  app.post('/locked', read, async () => 'in');
  app.get('/ip', PUBLIC, async (request) => request.ip);
  app.post(
    '/echo',
    {
      ...PUBLIC,
      schema: {
        querystring: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1 })) }),
        body: Type.Object(
          {
            name: Type.String({ minLength: 1 }),
            size: Type.Optional(Type.Integer()),
            kind: Type.Optional(Type.Enum(['a', 'b'])),
          },
          { additionalProperties: false },
        ),
      },
    },
    async (request) => ({ ...request.body, limit: request.query.limit }),
  );
}

const get = (path: string, headers: Record<string, string> = {}) => fetch(server.origin + path, { headers });
const post = (
  path: string,
  body: string,
  headers: Record<string, string> = { 'content-type': 'application/json' },
) => fetch(server.origin + path, { method: 'POST', body, headers });
const requestLine = () => server.lines.find((line) => line.msg === 'request');

describe('request ids and the log', () => {
  it('takes a harmless id and makes one otherwise', async () => {
    await start();
    expect((await get('/hello', { 'x-request-id': 'abc.1:2-3' })).headers.get('x-request-id')).toBe(
      'abc.1:2-3',
    );
    expect((await get('/hello', { 'request-id': 'from-proxy' })).headers.get('x-request-id')).toBe(
      'from-proxy',
    );
    const made = (await get('/hello', { 'x-request-id': 'evil id' })).headers.get('x-request-id');
    expect(made).toMatch(/^[\w.:-]{1,128}$/);
    const long = (await get('/nothing', { 'x-request-id': 'a'.repeat(129) })).headers.get('x-request-id');
    expect(long).not.toContain('aaa');
  });

  it('writes one line per request, without secrets', async () => {
    await start();
    await get('/whoami?signature=s3cret&link=link-77-s3cret&uid=1', {
      'x-request-id': 'r1',
      authorization: 'Bearer key-read',
    });
    await until(() => requestLine() !== undefined, 'the line');
    expect(server.lines.filter((line) => line.msg === 'request')).toHaveLength(1);
    expect(requestLine()).toMatchObject({
      requestId: 'r1',
      method: 'GET',
      url: '/whoami?signature=[redacted]&link=[redacted]&uid=1',
      route: '/whoami',
      status: 200,
      bytes: 7,
      remote: '127.0.0.1',
      principal: 'service',
      principalId: 'id-read',
    });
    expect(requestLine()?.ms).toBeGreaterThan(0);
    await get('/whoami', { authorization: 'Bearer wrong-s3cret' });
    await get('/boom?token=s3cret');
    await get('/%zz?signature=s3cret');
    await until(() => server.lines.filter((line) => line.msg === 'request').length === 4, 'all lines');
    expect(JSON.stringify(server.lines)).not.toContain('s3cret');
  });

  it('counts requests by route, not by path', async () => {
    await start();
    await get('/files/1', { 'x-api-key': 'key-read' });
    await get('/nowhere');
    await until(() => server.telemetry.requests.length === 2, 'both');
    expect(server.telemetry.requests).toEqual([
      { method: 'GET', route: '/files/:uid', status: 200 },
      { method: 'GET', route: 'unmatched', status: 404 },
    ]);
  });
});

describe('who gets in', () => {
  it('does not start with a route that says nothing about access', async () => {
    const { app } = await createHttpServer({
      logger: server?.app.log ?? (await import('pino')).pino({ enabled: false }),
      telemetry: { ...(await import('#core/ports/telemetry.ts')).silentTelemetry, httpRequest: () => {} },
      authenticator: { authenticate: async () => ({ kind: 'anonymous' }) },
      cors: false,
      trustedProxies: [],
    });
    app.route({ method: 'GET', url: '/open', handler: async () => 'x' } as never);
    await expect(app.ready()).rejects.toThrow('/open has no config.access');
  });

  it.each([
    [{}, '', 401],
    [{ authorization: 'Bearer key-read' }, '', 200],
    [{ authorization: 'bearer key-admin' }, '', 200],
    [{ 'x-api-key': 'key-read' }, '', 200],
    [{ 'x-api-key': 'key-write' }, '', 403],
    [{ authorization: 'Bearer nonsense' }, '', 401],
    [{ authorization: 'Bearer' }, '', 401],
    [{ authorization: 'Basic eDp5' }, '', 401],
    [{ authorization: 'Link link-5' }, '', 200],
    [{}, '?link=link-5', 200],
    [{}, '?link=bad', 401],
    [{}, '?link=', 400],
    [{}, '?link=link-1&link=link-2', 400],
  ] as [Record<string, string>, string, number][])('%j %s → %i', async (headers, query, status) => {
    await start();
    const answer = await get(`/whoami${query}`, headers);
    expect(answer.status).toBe(status);
    if (status === 401) expect(answer.headers.get('www-authenticate')).toContain('Bearer');
  });

  it('takes links only where the rule does', async () => {
    await start();
    expect((await get('/files/5?link=link-5')).status).toBe(401);
  });
});

describe('answers to what cannot be', () => {
  it('tells 404 from 405', async () => {
    await start();
    const missing = await get('/nothing?x=1');
    expect(missing.status).toBe(404);
    expect(missing.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(await missing.json()).toMatchObject({ status: 404, code: 'NotFound', title: 'Not Found' });
    const wrong = await fetch(`${server.origin}/files/12`, { method: 'PUT', body: 'x' });
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get('allow')).toBe('GET, HEAD');
    expect((await fetch(`${server.origin}/whoami`, { method: 'POST' })).headers.get('allow')).toBe(
      'DELETE, GET, HEAD',
    );
  });

  it('shows nothing of an unexpected failure but the request id', async () => {
    await start();
    for (const path of ['/boom', '/internal']) {
      const answer = await get(path, { 'x-request-id': 'find-me' });
      const text = await answer.text();
      expect(answer.status).toBe(500);
      expect(text).toContain('find-me');
      expect(text).not.toMatch(/secret|sqlite|stack|\.ts/);
    }
    const logged = JSON.stringify(server.lines.filter((line) => line.level === 50));
    expect(logged).toContain('secret detail');
    expect(logged).toContain('sqlite said');
    expect(logged).toContain('find-me');
  });

  it('sends Retry-After and details', async () => {
    await start();
    const answer = await get('/busy');
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(await answer.json()).toMatchObject({
      code: 'RateLimited',
      retryable: true,
      details: { limit: 3 },
    });
  });

  it.each([
    ['/echo', '{"name":""}', 'Body field "name" must NOT have fewer than 1 characters.', 'name'],
    ['/echo', '{}', 'Body field "name" is missing.', 'name'],
    ['/echo', '{"name":"a","size":"5"}', 'Body field "size" must be integer.', 'size'],
    ['/echo', '{"name":"a","nope":1}', 'Body field "nope" is not known to this call.', 'nope'],
    ['/echo', '{"name":"a","kind":"c"}', 'Body field "kind" must be one of ["a","b"].', 'kind'],
    ['/echo?limit=x', '{"name":"a"}', 'Query parameter "limit" must be integer.', 'limit'],
    ['/echo?limit=0', '{"name":"a"}', 'Query parameter "limit" must be >= 1.', 'limit'],
  ])('%s %s: %s', async (path, body, detail, field) => {
    await start();
    const answer = await post(path, body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'InvalidArgument', detail, details: { field } });
  });

  it.each([
    ['{"name":', { 'content-type': 'application/json' }, 400],
    ['{"__proto__":{"x":1},"name":"a"}', { 'content-type': 'application/json' }, 400],
    ['x', { 'content-type': 'application/x-thing' }, 415],
    [`{"name":"${'x'.repeat(5000)}"}`, { 'content-type': 'application/json' }, 413],
  ])('a body %# that cannot be read', async (body, headers, status) => {
    await start({ limits: { parsedBodyBytes: 4096 } });
    const answer = await post('/echo', body, headers);
    expect(answer.status).toBe(status);
    expect((await answer.json()) as object).toHaveProperty('detail');
  });

  it('turns text of the query into numbers and takes a good body', async () => {
    await start();
    const answer = await post('/echo?limit=5', '{"name":"a","size":3}');
    expect(await answer.json()).toEqual({ name: 'a', size: 3, limit: 5 });
  });

  it('tells a waiting client to send what is parsed, but not when it may not come in', async () => {
    await start();
    const head = (path: string) =>
      `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 12\r\nexpect: 100-continue\r\n\r\n`;
    const client = new RawClient(server.port).send(head('/echo'));
    await client.hears('HTTP/1.1 100 Continue');
    await client.send('{"name":"a"}').hears('HTTP/1.1 200');
    client.socket.destroy();
    const refused = new RawClient(server.port).send(head('/locked'));
    await refused.closed;
    expect(refused.received).toMatch(/^HTTP\/1.1 401 /);
    expect(refused.received).not.toContain('100 Continue');
  });

  it('refuses bad and long URLs', async () => {
    await start({ limits: { urlLength: 300, parameterLength: 100 } });
    expect((await get('/%zz')).status).toBe(400);
    expect((await get(`/hello?${'x'.repeat(400)}`)).status).toBe(414);
    const param = await get(`/files/${'1'.repeat(101)}`, { 'x-api-key': 'key-read' });
    expect(param.status).toBe(414);
    expect(param.headers.get('x-request-id')).toBeTruthy();
  });
});

describe('what is not HTTP', () => {
  it.each([
    ['nonsense\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nhost: x\r\nx-big: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
  ])('%#', async (bytes, status) => {
    await start();
    const client = new RawClient(server.port).send(bytes);
    const heard = await client.hears('}');
    expect(heard).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(heard.toLowerCase()).toContain('connection: close');
    expect(JSON.parse(heard.slice(heard.indexOf('\r\n\r\n')))).toMatchObject({ status });
    client.socket.end();
    await client.closed;
    expect((await get('/hello')).status).toBe(200);
  });

  it('answers 408 to headers that never end', async () => {
    await start({ timeouts: { headersMs: 200 } });
    const client = new RawClient(server.port).send('GET / HTTP/1.1\r\nhost:');
    await client.hears('HTTP/1.1 408');
    await client.closed;
  });

  it('refuses HTTP/1.1 without a Host header like any other request', async () => {
    await start();
    const refused = new RawClient(server.port).send('GET /hello HTTP/1.1\r\nconnection: close\r\n\r\n');
    await refused.closed;
    expect(refused.received).toMatch(/^HTTP\/1.1 400 /);
    const [head = '', body = ''] = refused.received.split('\r\n\r\n');
    const problem = JSON.parse(body);
    expect(problem).toMatchObject({ code: 'InvalidArgument', detail: 'The request has no Host header.' });
    expect(head).toContain(`x-request-id: ${problem.requestId}`);
    const old = new RawClient(server.port).send('GET /hello HTTP/1.0\r\n\r\n');
    await old.closed;
    expect(old.received).toMatch(/^HTTP\/1.1 200 /);
  });

  it('survives connections that break at any moment', async () => {
    await start();
    const texts = [
      '',
      'G',
      'GET /hello HTTP/1.1\r\nhost: x\r\n\r\n',
      'POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"a',
    ];
    await Promise.all(
      texts.flatMap((text) =>
        Array.from({ length: 20 }, async (_, index) => {
          const client = new RawClient(server.port);
          if (text !== '') client.send(text);
          await new Promise((resolve) => setTimeout(resolve, index));
          client.socket.resetAndDestroy();
          await client.closed;
        }),
      ),
    );
    expect((await get('/hello')).status).toBe(200);
  });

  it('answers pipelined requests in order', async () => {
    await start();
    const one = (path: string, id: string) =>
      `GET ${path} HTTP/1.1\r\nhost: x\r\nx-request-id: ${id}\r\n\r\n`;
    const client = new RawClient(server.port).send(
      one('/hello', 'p1') + one('/nothing', 'p2') + one('/hello', 'p3'),
    );
    const heard = await client.hears('p3');
    expect(heard.indexOf('p1')).toBeLessThan(heard.indexOf('p2'));
    expect(heard.indexOf('p2')).toBeLessThan(heard.indexOf('p3'));
    client.socket.destroy();
  });
});

describe('the edge', () => {
  it('answers preflights without a key, and says who may read errors', async () => {
    await start({ cors: { origin: ['https://app.example'], methods: ['GET', 'PUT'] } });
    const preflight = await fetch(`${server.origin}/whoami`, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-method': 'PUT' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://app.example');
    const refused = await get('/whoami', { origin: 'https://app.example' });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('access-control-allow-origin')).toBe('https://app.example');
    const stranger = await get('/hello', { origin: 'https://evil.example' });
    expect(stranger.headers.get('access-control-allow-origin')).not.toBe('https://evil.example');
  });

  it('believes X-Forwarded-For only from trusted proxies', async () => {
    await start();
    expect(await (await get('/ip', { 'x-forwarded-for': '203.0.113.7' })).text()).toBe('127.0.0.1');
    await server.app.close();
    await start({ trustedProxies: ['127.0.0.0/8'] });
    expect(await (await get('/ip', { 'x-forwarded-for': '203.0.113.7' })).text()).toBe('203.0.113.7');
    await until(() => requestLine() !== undefined, 'the line');
    expect(requestLine()?.remote).toBe('203.0.113.7');
  });

  it('ends a connection whose parsed body stops coming', async () => {
    await start({ timeouts: { idleMs: 200 } });
    const client = new RawClient(server.port).send(
      'POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"name"',
    );
    await client.hears('HTTP/1.1 408');
    await client.closed;
  });
});
