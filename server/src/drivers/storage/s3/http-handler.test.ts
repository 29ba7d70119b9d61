import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { expectHandles, MIB, openHandles, randomBytes } from '#test/contracts/storage-fixtures.ts';
import { collect, HttpHandler, type HttpTimeouts } from './http-handler.ts';
import { StreamBody } from './request-body.ts';

const SHORT: HttpTimeouts = { connectMs: 400, firstByteMs: 400, idleMs: 400 };
/** For tests that are not about time, on a machine that is busy. */
const LONG: HttpTimeouts = { connectMs: 20_000, firstByteMs: 20_000, idleMs: 20_000 };

let stop: (() => Promise<void>) | undefined;
afterEach(async () => {
  await stop?.();
  stop = undefined;
});

/** A server that does what the listener says, and a handler that asks it. */
async function pair(listener: RequestListener, timeouts = SHORT, maxSockets = 10) {
  const server: Server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const handler = new HttpHandler({ timeouts, maxSockets, keepAliveMs: 50, lookup: undefined });
  stop = async () => {
    handler.destroy();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  const send = (
    body?: unknown,
    more: { method?: string; headers?: Record<string, string>; abortSignal?: AbortSignal } = {},
  ) => {
    const { method = 'PUT', headers = {}, abortSignal } = more;
    const request = {
      protocol: 'http:',
      hostname: '127.0.0.1',
      port,
      method,
      path: '/a',
      query: { b: "c'd" },
      headers,
      body,
    };
    return handler.handle(request as never, { abortSignal });
  };
  return { send };
}

async function* chunked(bytes: Uint8Array, pauseMs = 0): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += 65_536) {
    await sleep(pauseMs);
    yield bytes.subarray(from, from + 65_536);
  }
}

test('carries bytes, text and chunks, and spells the query as the signature does', async () => {
  const { send } = await pair(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    response.setHeader('seen', request.url ?? '');
    response.end(Buffer.concat(chunks));
  }, LONG);
  const bytes = randomBytes(3 * MIB);
  for (const body of [bytes, new StreamBody(chunked(bytes))]) {
    const { response } = await send(body, { headers: { 'content-length': String(bytes.length) } });
    expect(response.statusCode).toBe(200);
    expect(response.headers.seen).toBe('/a?b=c%27d');
    expect(Buffer.compare(await collect(response.body, 1000, 4 * MIB), bytes)).toBe(0);
  }
});

test('a source that pauses longer than every timeout is waited for', async () => {
  const { send } = await pair((request, response) => {
    request.resume().on('end', () => response.end());
  });
  const bytes = randomBytes(3 * 65_536);
  const { response } = await send(new StreamBody(chunked(bytes, 700)), {
    headers: { 'content-length': String(bytes.length) },
  });
  expect(response.statusCode).toBe(200);
});

test('a server that does not answer is given up after the first-byte time; four times that for a copy or a join', async () => {
  const { send } = await pair((request) => void request.resume());
  const timed = async (call: Promise<unknown>): Promise<number> => {
    const startedAt = performance.now();
    await expect(call).rejects.toMatchObject({ name: 'TimeoutError' });
    return performance.now() - startedAt;
  };
  expect(await timed(send('text'))).toBeLessThan(1500);
  expect(await timed(send(undefined, { method: 'POST' }))).toBeGreaterThan(1550);
  expect(await timed(send(undefined, { headers: { 'x-amz-copy-source': 'a/b' } }))).toBeGreaterThan(1550);
});

test('a server that stops taking bytes is given up after the idle time', async () => {
  const { send } = await pair((request) => void request.pause());
  const bytes = randomBytes(64 * MIB);
  const call = send(bytes, { headers: { 'content-length': String(bytes.length) } });
  await expect(call).rejects.toMatchObject({ name: 'TimeoutError' });
});

test('a connection that is never accepted is given up after the connect time', async () => {
  const server = createTcpServer((socket) => socket.pause()).listen({
    port: 0,
    host: '127.0.0.1',
    backlog: 1,
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const handler = new HttpHandler({ timeouts: SHORT, maxSockets: 10, keepAliveMs: 50, lookup: undefined });
  const request = {
    protocol: 'https:',
    hostname: '127.0.0.1',
    port,
    method: 'GET',
    path: '/',
    query: {},
    headers: {},
  };
  await expect(handler.handle(request as never)).rejects.toMatchObject({ name: 'TimeoutError' });
  handler.destroy();
  server.close();
});

test('nobody waits for ever for a free connection', async () => {
  const { send } = await pair((_request, response) => void response.writeHead(200).write('x'), SHORT, 1);
  const { response } = await send(undefined, { method: 'GET' });
  await expect(send(undefined, { method: 'GET' })).rejects.toMatchObject({ name: 'TimeoutError' });
  (response.body as { destroy(): void }).destroy();
});

test('an answer before the end of the request is given, and the connection is not used again', async () => {
  const { send } = await pair((_request, response) => response.writeHead(403).end('no'), LONG);
  const handles = openHandles();
  let given = 0;
  const body = new StreamBody(
    (async function* () {
      for (; given < 10_000; given += 1) {
        await sleep(1);
        yield randomBytes(65_536);
      }
    })(),
  );
  const { response } = await send(body, { headers: { 'content-length': String(10_000 * 65_536) } });
  expect(response.statusCode).toBe(403);
  expect(Buffer.from(await collect(response.body, 1000, 100)).toString()).toBe('no');
  const before = given;
  await sleep(100);
  expect(given).toBeLessThanOrEqual(before + 1);
  await expectHandles(handles);
});

test('the error of a source ends the request, which the server sees as unfinished', async () => {
  const seen = Promise.withResolvers<boolean>();
  const { send } = await pair((request) => {
    request.resume().on('close', () => seen.resolve(request.complete));
  }, LONG);
  const failure = new Error('gone');
  const body = new StreamBody(
    (async function* () {
      yield randomBytes(10);
      await sleep(50);
      throw failure;
    })(),
  );
  await expect(send(body, { headers: { 'content-length': '20' } })).rejects.toBe(failure);
  expect(await seen.promise).toBe(false);
});

test('a signal ends the request at once and leaves no listener and no handle', async () => {
  const { send } = await pair((request) => void request.resume(), LONG);
  const handles = openHandles();
  const abort = new AbortController();
  const call = send('text', { abortSignal: abort.signal });
  setTimeout(() => abort.abort(), 30);
  await expect(call).rejects.toMatchObject({ name: 'AbortError' });
  await expect(send('text', { abortSignal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' });
  await expectHandles(handles);
});

test('an answer that stalls, breaks off or is too long is not taken', async () => {
  const { send } = await pair((request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('x'.repeat(50));
    if (request.method === 'DELETE') setTimeout(() => response.destroy(), 30);
  }, LONG);
  const body = async (method: string) => (await send(undefined, { method })).response.body;
  await expect(collect(await body('GET'), 100, 1000)).rejects.toMatchObject({ name: 'TimeoutError' });
  await expect(collect(await body('DELETE'), 1000, 1000)).rejects.toMatchObject({ code: 'ECONNRESET' });
  await expect(collect(await body('GET'), 1000, 10)).rejects.toThrow('longer than 10');
});

test('answers that arrive at the same time over several connections do not mix', async () => {
  const contents = Array.from({ length: 8 }, () => randomBytes(2 * MIB + 11));
  let next = 0;
  const { send } = await pair((request, response) => {
    const content = contents[next++] ?? Buffer.alloc(0);
    response.setHeader('number', String(next - 1));
    request.resume().on('end', () => response.end(content));
  }, LONG);
  const answers = contents.map(async () => {
    const { response } = await send(undefined, { method: 'GET' });
    const bytes = await collect(response.body, 20_000, 4 * MIB);
    expect(Buffer.compare(bytes, contents[Number(response.headers.number)] ?? Buffer.alloc(0))).toBe(0);
  });
  await Promise.all(answers);
});
