import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { OsproxyError, toOsproxyError } from '#core/errors.ts';
import { leaveBodiesToRoutes, type ReceiveOptions, receiveBody } from './receive.ts';
import type { HttpServer, HttpServerOptions } from './server.ts';
import { PUBLIC, RawClient, startServer, type TestServer, until } from './test-server.ts';

let server: TestServer;
afterEach(async () => server?.app.close());

interface Outcome {
  bytes: number;
  text: string;
  error?: OsproxyError;
}

/** PUT /put reads everything; its outcomes are kept even when nobody hears the answer. */
async function start(
  receive: Partial<ReceiveOptions> = {},
  options: Partial<HttpServerOptions> = {},
  slowMs = 0,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  server = await startServer((app: HttpServer) => {
    app.register(async (scope) => {
      leaveBodiesToRoutes(scope);
      scope.put('/put', PUBLIC, async (request) => {
        const outcome: Outcome = { bytes: 0, text: '' };
        try {
          const body = receiveBody(request, { maxBytes: 2 ** 30, idleTimeoutMs: 5000, ...receive });
          for await (const chunk of body) {
            expect(Buffer.isBuffer(chunk)).toBe(true);
            outcome.bytes += chunk.length;
            if (outcome.text.length < 1000) outcome.text += chunk.toString('latin1');
            if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs));
          }
        } catch (error) {
          outcome.error = toOsproxyError(error);
          throw error;
        } finally {
          outcomes.push(outcome);
        }
        return { bytes: outcome.bytes };
      });
      scope.put('/refuse', PUBLIC, async () => {
        throw new OsproxyError('PermissionDenied', 'No uploads today.');
      });
      scope.put('/ignore', PUBLIC, async () => 'not interested');
      scope.put('/first-chunk', PUBLIC, async (request) => {
        for await (const chunk of receiveBody(request, { maxBytes: 2 ** 30, idleTimeoutMs: 5000 }))
          return { first: chunk.length > 0 };
        return { first: false };
      });
      scope.put('/twice', PUBLIC, async (request) => {
        const body = receiveBody(request, { maxBytes: 100, idleTimeoutMs: 5000 });
        for await (const _chunk of body) void _chunk;
        for await (const _chunk of body) void _chunk;
      });
    });
  }, options);
  return outcomes;
}

const head = (path: string, ...headers: string[]) =>
  `PUT ${path} HTTP/1.1\r\nhost: x\r\n${headers.map((h) => `${h}\r\n`).join('')}\r\n`;
const put = (path: string, body: Buffer | string, headers: Record<string, string> = {}) =>
  fetch(server.origin + path, { method: 'PUT', body: body as string, headers });

describe('receiveBody', () => {
  it('reads bodies of known and unknown length, of any type, empty ones too', async () => {
    const outcomes = await start();
    const bytes = randomBytes(3_000_000);
    for (const type of [
      'application/json',
      'application/octet-stream',
      'text/plain',
      'multipart/form-data; boundary=x',
    ]) {
      const answer = await put('/put', bytes, { 'content-type': type });
      expect([type, await answer.json()]).toEqual([type, { bytes: bytes.length }]);
    }
    expect(await (await put('/put', '')).json()).toEqual({ bytes: 0 });
    const client = new RawClient(server.port).send(
      `${head('/put', 'transfer-encoding: chunked')}3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n`,
    );
    await client.hears('{"bytes":7}');
    client.socket.destroy();
    expect(outcomes.at(-1)).toMatchObject({ text: 'abcdefg' });
    expect(server.telemetry.in).toBe(4 * bytes.length + 7);
    expect(server.telemetry.openIn).toBe(0);
    await until(() => server.lines.some((line) => line.bytesIn === bytes.length), 'the log line');
  });

  it('refuses too large a body before it is sent where the length is known', async () => {
    const outcomes = await start({ maxBytes: 10 });
    const client = new RawClient(server.port).send(
      head('/put', 'content-length: 11', 'expect: 100-continue'),
    );
    const heard = await client.hears('}');
    expect(heard).toMatch(/^HTTP\/1.1 413 /);
    expect(heard).toContain('"maxBytes":10');
    await client.closed;
    expect(outcomes[0]?.error?.code).toBe('TooLarge');
    expect(await (await put('/put', '0123456789')).json()).toEqual({ bytes: 10 });
  });

  it('refuses too large a body while it comes', async () => {
    await start({ maxBytes: 10 });
    const client = new RawClient(server.port).send(
      `${head('/put', 'transfer-encoding: chunked')}b\r\n0123456789a\r\n`,
    );
    const heard = await client.hears('}');
    expect(heard).toMatch(/^HTTP\/1.1 413 /);
    expect(heard.toLowerCase()).toContain('connection: close');
    client.socket.end();
    await client.closed;
  });

  it.each([
    ['content-length: 100', '0123456789'],
    ['transfer-encoding: chunked', 'a\r\n0123456789\r\n'],
  ])('knows a half-sent body (%s)', async (header, body) => {
    const outcomes = await start();
    const client = new RawClient(server.port).send(head('/put', header) + body);
    await until(() => server.telemetry.in === 10, 'the first bytes');
    client.socket.destroy();
    await until(() => outcomes.length === 1, 'the outcome');
    expect(outcomes[0]?.error?.code).toBe('Cancelled');
    expect(server.telemetry.openIn).toBe(0);
    await until(() => server.lines.some((line) => line.aborted !== undefined), 'the log line');
  });

  it('knows a body that was ended short by a polite client', async () => {
    const outcomes = await start();
    const client = new RawClient(server.port).send(`${head('/put', 'content-length: 100')}0123456789`);
    await until(() => server.telemetry.in === 10, 'the first bytes');
    client.socket.end();
    await until(() => outcomes.length === 1, 'the outcome');
    expect(outcomes[0]?.error?.code).toBe('Cancelled');
  });

  it('gives up on a silent client, and says so', async () => {
    const outcomes = await start({ idleTimeoutMs: 150 });
    const client = new RawClient(server.port).send(`${head('/put', 'content-length: 100')}0123456789`);
    const heard = await client.hears('}');
    expect(heard).toMatch(/^HTTP\/1.1 408 /);
    expect(heard).toContain('No byte of the body came for 0.15 seconds, after 10 bytes.');
    expect(outcomes[0]?.error?.code).toBe('Cancelled');
    await client.closed;
  });

  it('is patient with a slow client and with a slow consumer', async () => {
    const outcomes = await start({ idleTimeoutMs: 200 }, { timeouts: { idleMs: 150 } }, 400);
    const client = new RawClient(server.port).send(head('/put', 'content-length: 5'));
    for (const byte of 'abcde') {
      client.send(byte);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    await client.hears('{"bytes":5}', 5000);
    expect(outcomes[0]?.error).toBeUndefined();
    client.socket.destroy();
  });

  it('holds a fast client back while the consumer is slow', async () => {
    await start({}, {}, 5);
    const client = new RawClient(server.port).send(head('/put', `content-length: ${64 * 1024 * 1024}`));
    const block = Buffer.alloc(1024 * 1024);
    for (let index = 0; index < 64; index += 1) client.socket.write(block);
    await until(() => server.telemetry.in > 0, 'the first bytes');
    await new Promise((resolve) => setTimeout(resolve, 50));
    // At most one chunk per 5 ms was taken; the rest waits at the client.
    expect(server.telemetry.in).toBeLessThan(8 * 1024 * 1024);
    client.socket.destroy();
    await until(() => server.telemetry.openIn === 0, 'the end');
  });

  it('cannot be read twice', async () => {
    await start();
    expect((await put('/twice', 'abc')).status).toBe(500);
  });

  it('does not take encoded bytes for the file', async () => {
    await start();
    expect((await put('/put', 'abc', { 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await put('/put', 'abc', { 'content-encoding': 'identity' })).status).toBe(200);
  });

  it('tells an upload that the server gives up', async () => {
    const outcomes = await start();
    const client = new RawClient(server.port).send(`${head('/put', 'content-length: 100')}0123456789`);
    await until(() => server.telemetry.in === 10, 'the first bytes');
    expect(await server.app.drain(50)).toBe(1);
    await client.closed;
    expect(client.received).toMatch(/^HTTP\/1.1 503 /);
    expect(outcomes[0]?.error?.code).toBe('Unavailable');
  });
});

describe('answers before the end of the body', () => {
  it('tells a waiting client to go on only when the body is read', async () => {
    await start();
    const reader = new RawClient(server.port).send(head('/put', 'content-length: 3', 'expect: 100-continue'));
    await reader.hears('HTTP/1.1 100 Continue\r\n\r\n');
    reader.send('abc');
    await reader.hears('{"bytes":3}');
    reader.socket.destroy();
    for (const path of ['/refuse', '/ignore', '/nothing']) {
      const refused = new RawClient(server.port).send(
        head(path, 'content-length: 3', 'expect: 100-continue'),
      );
      await refused.closed;
      expect(refused.received).not.toContain('100 Continue');
      expect(refused.received.toLowerCase()).toContain('connection: close');
    }
  });

  it('lets a client that goes on sending see the answer', async () => {
    await start();
    for (const path of ['/refuse', '/ignore', '/first-chunk', '/nothing']) {
      const client = new RawClient(server.port).send(head(path, 'content-length: 4000000'));
      const block = Buffer.alloc(100_000);
      let refused: unknown;
      client.socket.on('error', (error) => {
        refused = error;
      });
      for (let sent = 0; sent < 800_000; sent += block.length) {
        client.send(block);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await client.hears('HTTP/1.1 ');
      expect([path, client.received.toLowerCase().includes('connection: close')]).toEqual([path, true]);
      expect(refused).toBeUndefined();
      client.socket.end();
      await client.closed;
    }
  });

  it('reads no more than a little of what a stubborn client sends', async () => {
    await start();
    const client = new RawClient(server.port).send(head('/refuse', 'content-length: 500000000'));
    const block = Buffer.alloc(1024 * 1024);
    const before = performance.now();
    let sent = 0;
    while (!client.socket.destroyed && sent < 300 && performance.now() - before < 5000) {
      sent += 1;
      await new Promise((resolve) => client.socket.write(block, resolve));
    }
    await client.closed;
    expect(client.received).toMatch(/^HTTP\/1.1 403 /);
    expect(sent).toBeLessThan(100);
  });

  it('lets go of a client that neither sends nor leaves', async () => {
    await start();
    const client = new RawClient(server.port).send(head('/refuse', 'content-length: 500000000'));
    const before = performance.now();
    await client.closed;
    expect(client.received).toMatch(/^HTTP\/1.1 403 /);
    expect(performance.now() - before).toBeGreaterThan(1500);
    expect(performance.now() - before).toBeLessThan(3500);
  });

  it('keeps the connection after a small body that nobody wanted', async () => {
    await start();
    const client = new RawClient(server.port).send(
      `${head('/refuse', 'content-length: 3')}abc${head('/put', 'content-length: 2')}de`,
    );
    await client.hears('{"bytes":2}');
    expect(client.received).toMatch(/^HTTP\/1.1 403 /);
    client.socket.destroy();
  });

  it('shows curl the answer, with and without Expect', async () => {
    await start();
    const folder = await mkdtemp(join(tmpdir(), 'osproxy-http-'));
    try {
      const path = join(folder, 'big');
      await writeFile(path, Buffer.alloc(30_000_000));
      for (const expectHeader of ['Expect: 100-continue', 'Expect:']) {
        const { stdout } = await promisify(execFile)('curl', [
          '-sS',
          '-m',
          '20',
          '-H',
          expectHeader,
          '-T',
          path,
          `${server.origin}/refuse`,
        ]);
        expect(JSON.parse(stdout)).toMatchObject({ code: 'PermissionDenied' });
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
