import { afterEach, expect, it } from 'vitest';
import { isOsproxyError } from '#core/errors.ts';
import { PUBLIC, RawClient, startServer, type TestServer, until } from './test-server.ts';

let server: TestServer;
afterEach(async () => server?.app.close());

const request = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

async function start(
  options: Parameters<typeof startServer>[1] = {},
): Promise<{ release: () => void; reasons: unknown[]; started: () => number }> {
  const gate = Promise.withResolvers<void>();
  const reasons: unknown[] = [];
  let count = 0;
  server = await startServer((app) => {
    app.get('/fast', PUBLIC, async () => 'fast');
    app.get('/slow', PUBLIC, async (request) => {
      count += 1;
      await Promise.race([
        gate.promise,
        new Promise((_resolve, reject) => {
          request.abort.addEventListener('abort', () => {
            reasons.push(request.abort.reason);
            reject(request.abort.reason);
          });
        }),
      ]);
      return 'slow';
    });
    app.get('/deaf', PUBLIC, async () => {
      count += 1;
      await gate.promise;
      return 'deaf';
    });
    app.get('/begun', PUBLIC, async (_request, reply) => {
      reply.hijack();
      reply.raw.writeHead(200, { 'content-length': 5 }).write('be');
      count += 1;
      await gate.promise;
      reply.raw.end('gun');
    });
  }, options);
  return { release: () => gate.resolve(), reasons, started: () => count };
}

it('closes idle connections, refuses new ones and lets open requests finish', async () => {
  const { release, reasons, started } = await start();
  const idle = new RawClient(server.port).send(request('/fast'));
  await idle.hears('fast');
  const busy = new RawClient(server.port).send(request('/slow'));
  await until(() => started() === 1, 'the slow request');
  const drained = server.app.drain(5000);
  await idle.closed;
  const late = new RawClient(server.port);
  await late.closed;
  release();
  expect(await drained).toBe(0);
  await busy.closed;
  expect(busy.received).toContain('HTTP/1.1 200');
  expect(busy.received.toLowerCase()).toContain('connection: close');
  expect(reasons).toEqual([]);
});

it('answers a request that was on its way over an idle connection, and ends the connection with it', async () => {
  await start();
  const idle = new RawClient(server.port).send(request('/fast'));
  await idle.hears('fast');
  const drained = server.app.drain(5000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  idle.send(request('/fast'));
  await idle.closed;
  expect(idle.received.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  expect(idle.received.toLowerCase()).toContain('connection: close');
  expect(await drained).toBe(0);
});

it('keeps an idle connection of a trusted proxy open until the proxy closes it', async () => {
  await start({ trustedProxies: ['127.0.0.1'] });
  const proxied = () => 'GET /fast HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 127.0.0.1\r\n\r\n';
  const [quiet, late] = [new RawClient(server.port), new RawClient(server.port)];
  for (const client of [quiet, late]) await client.send(proxied()).hears('fast');
  const drained = server.app.drain(8000);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await late.send(proxied()).closed;
  expect(late.received.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  expect(quiet.socket.readyState).toBe('open');
  quiet.socket.end();
  const closedAt = performance.now();
  expect(await drained).toBe(0);
  expect(performance.now() - closedAt).toBeLessThan(2000);
});

it('answers what comes over a connection whose last answer was begun before the end was known', async () => {
  const { release, started } = await start();
  const client = new RawClient(server.port).send(request('/begun'));
  await until(() => started() === 1, 'the answer that was begun');
  const drained = server.app.drain(5000);
  release();
  await client.hears('begun');
  await client.send(request('/fast')).closed;
  expect(client.received.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  expect(await drained).toBe(0);
});

it('aborts what does not finish in time, and says why', async () => {
  const { reasons, started } = await start();
  const busy = new RawClient(server.port).send(request('/slow'));
  const deaf = new RawClient(server.port).send(request('/deaf'));
  await until(() => started() === 2, 'both');
  const before = performance.now();
  expect(await server.app.drain(100)).toBe(2);
  expect(performance.now() - before).toBeLessThan(2500);
  await Promise.all([busy.closed, deaf.closed]);
  expect(busy.received).toContain('HTTP/1.1 503');
  expect(busy.received.toLowerCase()).toContain('retry-after');
  expect(isOsproxyError(reasons[0], 'Unavailable')).toBe(true);
});

it('does not wait for connections that never asked for anything', async () => {
  await start();
  const silent = new RawClient(server.port);
  await until(() => silent.socket.readyState === 'open', 'the connection');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await server.app.drain(10_000)).toBe(0);
  await silent.closed;
});

it('gives every caller the same end', async () => {
  const { release, started } = await start();
  new RawClient(server.port).send(request('/slow'));
  await until(() => started() === 1, 'the slow request');
  const first = server.app.drain(5000);
  const second = server.app.drain(0);
  release();
  expect(await Promise.all([first, second])).toEqual([0, 0]);
});

it('tells a handler that its client went away', async () => {
  const { reasons, started } = await start();
  const client = new RawClient(server.port).send(request('/slow'));
  await until(() => started() === 1, 'the slow request');
  client.socket.destroy();
  await until(() => reasons.length === 1, 'the abort');
  expect(isOsproxyError(reasons[0], 'Cancelled')).toBe(true);
});

it('tells the handlers of pipelined requests too', async () => {
  const { reasons, started } = await start();
  const client = new RawClient(server.port).send(request('/slow') + request('/slow') + request('/slow'));
  await until(() => started() === 3, 'all three');
  client.socket.destroy();
  await until(() => reasons.length === 3, 'all aborts');
  expect(await server.app.drain(0)).toBe(0);
});
