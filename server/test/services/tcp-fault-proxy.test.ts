import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TcpFaultProxy } from './tcp-fault-proxy.ts';

let echo: Server;
/** What the server has received, of all connections. */
let received: Buffer[];
let proxy: TcpFaultProxy;
const clients: Socket[] = [];

beforeEach(async () => {
  received = [];
  echo = createServer((socket) => {
    socket.on('data', (chunk) => received.push(chunk));
    socket.on('error', () => undefined);
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await TcpFaultProxy.start((echo.address() as AddressInfo).port);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.close();
  echo.close();
});

interface Talk {
  readonly socket: Socket;
  bytes(): Buffer;
  /** How it ended: `end` after an orderly close, else the code of the error. */
  readonly over: Promise<string>;
}

function talk(): Talk {
  const socket = connect({ port: proxy.port, host: '127.0.0.1' });
  clients.push(socket);
  const got: Buffer[] = [];
  socket.on('data', (chunk) => got.push(chunk));
  const over = new Promise<string>((resolve) => {
    socket.on('end', () => resolve('end'));
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message));
  });
  return { socket, bytes: () => Buffer.concat(got), over };
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !holds(); tries += 1) await sleep(10);
  expect(holds()).toBe(true);
}

const body = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));

test('forwards everything in both directions, the end included', async () => {
  const { socket, bytes, over } = talk();
  socket.end(body);
  expect(await over).toBe('end');
  expect(bytes().equals(body)).toBe(true);
  await until(() => proxy.connections === 0);
});

test.each(['up', 'down'] as const)('cuts at the byte, %s, so often as it is told', async (direction) => {
  for (const [how, ending] of [
    ['reset', 'ECONNRESET'],
    ['end', 'end'],
  ] as const) {
    received = [];
    proxy.set({ breaking: { direction, afterBytes: 100_001, how, times: 1 } });
    const { socket, bytes, over } = talk();
    socket.write(body);
    expect(await over).toBe(ending);
    expect(proxy.broken).toBe(1);
    const got = direction === 'up' ? Buffer.concat(received) : bytes();
    expect(got.length).toBeLessThanOrEqual(100_001);
    if (how === 'end' && direction === 'down') expect(got.length).toBe(100_001);
    expect(got.equals(body.subarray(0, got.length))).toBe(true);
    const second = talk();
    second.socket.write(body);
    await until(() => second.bytes().length === body.length);
  }
});

test('goes silent in the middle and leaves both sides connected', async () => {
  proxy.set({ breaking: { direction: 'down', afterBytes: 5000, how: 'silence' } });
  const { socket, bytes } = talk();
  socket.write(body);
  await until(() => bytes().length === 5000);
  await sleep(100);
  expect([bytes().length, socket.readyState, proxy.broken]).toEqual([5000, 'open', 1]);
  proxy.set({});
  const other = talk();
  other.socket.write('well again');
  await until(() => other.bytes().toString() === 'well again');
  expect(bytes().length).toBe(5000);
});

test('takes connections and says nothing when it is deaf', async () => {
  proxy.set({ deaf: true });
  const { socket, bytes } = talk();
  socket.write(body);
  await sleep(150);
  expect([bytes().length, received.length, socket.readyState]).toEqual([0, 0, 'open']);
});

test('refuses, ends what stands, and takes connections again on the same port', async () => {
  const { socket, over } = talk();
  socket.write('x');
  await until(() => received.length > 0);
  const { port } = proxy;
  await proxy.refuse();
  expect(await over).toBe('ECONNRESET');
  expect(await talk().over).toBe('ECONNREFUSED');
  await proxy.accept();
  expect(proxy.port).toBe(port);
  const again = talk();
  again.socket.write('here');
  await until(() => again.bytes().toString() === 'here');
});

test('delays and throttles, also connections that stand already', async () => {
  const { socket, bytes } = talk();
  socket.write('a');
  await until(() => bytes().length === 1);
  proxy.set({ delayMs: 150 });
  let startedAt = performance.now();
  socket.write('b');
  await until(() => bytes().length === 2);
  expect(performance.now() - startedAt).toBeGreaterThan(290);
  proxy.set({ bytesPerSecond: 1_000_000 });
  startedAt = performance.now();
  socket.write(body);
  await until(() => bytes().length === body.length + 2);
  expect(performance.now() - startedAt).toBeGreaterThan(300);
});
