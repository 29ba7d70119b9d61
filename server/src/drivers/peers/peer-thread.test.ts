import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import { type PeerAnswer, PeerThread } from './peer-thread.ts';

const MIB = 1024 * 1024;
const timeouts = { connectMs: 2_000, firstByteMs: 500, idleMs: 500 };

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Answerer = (socket: Socket, count: number, request: string) => void;

/** Calls `answer` for each request, with how many came before it. */
async function nodeThat(answer: Answerer): Promise<{ address: string; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      answer(socket, count, data.toString());
      count += 1;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

function newThread(): PeerThread {
  const thread = new PeerThread(timeouts);
  closing.push(() => thread.close());
  return thread;
}

function ask(thread: PeerThread, address: string, signal?: AbortSignal): Promise<PeerAnswer> {
  const request = { address, method: 'GET', target: '/a', authorization: 'some words' } as const;
  const broken = (error: Error) => new OsproxyError('Unavailable', error.message);
  return thread.ask(request, { signal, broken });
}

/** What the request to a node that answers with this fails with. */
async function refusalOf(...pieces: readonly (string | Buffer)[]): Promise<string> {
  const { address } = await nodeThat(async (socket) => {
    for (const piece of pieces) {
      socket.write(piece);
      await sleep(20);
    }
  });
  return messageOf(wholeOf(ask(newThread(), address)));
}

async function wholeOf(asked: Promise<PeerAnswer>): Promise<Buffer> {
  const { bytes, body } = await asked;
  if (body === undefined) return Buffer.from(bytes ?? []);
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'it did not fail',
    (error: unknown) => String(error instanceof Error ? error.message : error),
  );

const headFor = (length: number): string => `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`;

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition() && waited < 5_000; waited += 20) await sleep(20);
  expect(condition()).toBe(true);
}

/** The same bytes for everybody, so that a mistake in their order shows. */
const pattern = (length: number): Buffer => {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
};

describe('the thread that speaks to other nodes', () => {
  it.each([0, 1, 65_536, 65_537, 1_000_001, 9 * MIB + 3])('gives all of %i bytes', async (length) => {
    const bytes = pattern(length);
    const { address, sockets } = await nodeThat((socket) => {
      socket.write(headFor(length));
      socket.write(bytes);
    });
    const thread = newThread();
    for (let count = 0; count < 3; count += 1) {
      const got = await wholeOf(ask(thread, address));
      expect(got.equals(bytes)).toBe(true);
    }
    expect(sockets.size).toBe(1);
  });

  it('reaches a node by its name', async () => {
    const { address } = await nodeThat((socket) => void socket.write(`${headFor(2)}ok`));
    const named = address.replace('127.0.0.1', 'localhost');
    expect((await wholeOf(ask(newThread(), named))).toString()).toBe('ok');
  });

  it('sends one request as it is', async () => {
    let said = '';
    const { address } = await nodeThat((socket, _count, request) => {
      said = request;
      socket.write(headFor(0));
    });
    await ask(newThread(), address);
    expect(said.split('\r\n')).toEqual([
      'GET /a HTTP/1.1',
      `host: ${new URL(address).host}`,
      'authorization: some words',
      'connection: keep-alive',
      '',
      '',
    ]);
  });

  it('sends nothing that would end its line', async () => {
    const { address, sockets } = await nodeThat(() => {});
    for (const target of ['/a HTTP/1.1\r\nx: y', '/a b', '/\u0100'])
      await expect(
        newThread().ask(
          { address, method: 'GET', target, authorization: 'x' },
          { signal: undefined, broken: () => new OsproxyError('Internal', '') },
        ),
      ).rejects.toThrow('characters that HTTP does not allow');
    expect(sockets.size).toBe(0);
  });

  it('understands a head and a body that come in any pieces', async () => {
    const bytes = pattern(70_000);
    const { address } = await nodeThat(async (socket) => {
      socket.setNoDelay(true);
      for (const char of headFor(bytes.length)) {
        socket.write(char);
        await sleep(1);
      }
      for (let at = 0; at < bytes.length; at += 7_001) {
        socket.write(bytes.subarray(at, at + 7_001));
        await sleep(1);
      }
    });
    expect((await wholeOf(ask(newThread(), address))).equals(bytes)).toBe(true);
  });

  it('gives bytes to a waiting reader at once, however few, and goes on behind a pause', async () => {
    const bytes = pattern(300_000);
    let proceed = (): void => {};
    const { address } = await nodeThat((socket) => {
      socket.write(Buffer.concat([Buffer.from(headFor(bytes.length)), bytes.subarray(0, 10)]));
      proceed = () => void socket.write(bytes.subarray(10));
    });
    const { body } = await ask(newThread(), address);
    const first = await body?.next();
    expect(Buffer.from(first?.value ?? []).equals(bytes.subarray(0, 10))).toBe(true);
    proceed();
    const rest: Buffer[] = [];
    for (let next = await body?.next(); next?.done === false; next = await body?.next())
      rest.push(Buffer.from(next.value));
    expect(Buffer.concat(rest).equals(bytes.subarray(10))).toBe(true);
  });

  it('refuses what another node does not send', async () => {
    expect(await refusalOf('HTTP/1.1 100 Continue\r\n\r\n', headFor(1), 'x')).toContain('HTTP/1.1');
    expect(await refusalOf('hello\r\n\r\n')).toContain('HTTP/1.1');
    expect(await refusalOf(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}`)).toContain('too long');
    expect(await refusalOf(`${headFor(2)}abc`)).toContain('more bytes than it promised');
    expect(await refusalOf(Buffer.concat([Buffer.from(headFor(0)), Buffer.alloc(9)]))).toContain(
      'more bytes',
    );
    expect(await refusalOf('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx')).toContain(
      'twice',
    );
  });

  it('reads no body of unknown length, and ends its connection', async () => {
    const { address, sockets } = await nodeThat((socket) => {
      socket.write('HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
    });
    const answer = await ask(newThread(), address);
    expect(answer).toMatchObject({ status: 404, length: undefined, bytes: undefined, body: undefined });
    await until(() => [...sockets].every((socket) => socket.destroyed));
  });

  it('never takes bytes behind one answer for the beginning of the next', async () => {
    const { address, sockets } = await nodeThat((socket, count) => {
      socket.write(`${headFor(2)}ok`);
      if (count === 0) setTimeout(() => socket.write(`${headFor(4)}evil`), 20);
    });
    const thread = newThread();
    expect((await wholeOf(ask(thread, address))).toString()).toBe('ok');
    await until(() => [...sockets].every((socket) => socket.destroyed));
    expect((await wholeOf(ask(thread, address))).toString()).toBe('ok');
    expect(sockets.size).toBe(2);
  });

  it('uses no connection again that the other side is going to close', async () => {
    const { address, sockets } = await nodeThat((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\nx');
    });
    const thread = newThread();
    for (let count = 0; count < 3; count += 1) await wholeOf(ask(thread, address));
    expect(sockets.size).toBe(3);
  });

  it('fails when an answer breaks off or stalls, in its head and in its body', async () => {
    const breaking = (text: string) =>
      nodeThat((socket) => socket.write(text, () => setTimeout(() => socket.end(), 20)));
    const failure = async (node: Promise<{ address: string }>) =>
      messageOf(wholeOf(ask(newThread(), (await node).address)));
    expect(await failure(breaking('HTTP/1.1 200'))).toContain('closed');
    expect(await failure(breaking(`${headFor(9)}12`))).toContain('broke off after 2 of 9 bytes');
    expect(await failure(breaking(`${headFor(MIB)}1234`))).toContain('broke off after 4 of 1048576');
    const stalling = (text: string) => nodeThat((socket) => void socket.write(text));
    expect(await failure(stalling('HTTP/1.1 200'))).toContain('no answer within 500 ms');
    expect(await failure(stalling(`${headFor(9)}12`))).toContain('No byte came for 500 ms');
    expect(await failure(stalling(`${headFor(MIB)}1234`))).toContain('No byte came for 500 ms');
  });

  it('does not blame the node for a reader that takes its time', async () => {
    const { address } = await nodeThat((socket) => {
      socket.write(headFor(8 * MIB));
      socket.write(Buffer.alloc(8 * MIB));
    });
    const { body } = await ask(newThread(), address);
    let received = (await body?.next())?.value?.length ?? 0;
    await sleep(3 * timeouts.idleMs);
    for (let next = await body?.next(); next?.done === false; next = await body?.next())
      received += next.value.length;
    expect(received).toBe(8 * MIB);
  });

  it('leaves the connection when its reader is cancelled, before the answer and in the middle', async () => {
    const { address, sockets } = await nodeThat((socket, count) => {
      if (count > 0) socket.write(`${headFor(MIB)}some`);
    });
    const thread = newThread();
    const before = new AbortController();
    const waiting = messageOf(ask(thread, address, before.signal));
    await until(() => sockets.size === 1);
    before.abort();
    expect(await waiting).toContain('cancelled');
    const middle = new AbortController();
    const { body } = await ask(thread, address, middle.signal);
    await body?.next();
    const stuck = messageOf(body?.next() ?? Promise.resolve());
    middle.abort();
    expect(await stuck).toContain('cancelled');
    await until(() => sockets.size === 2 && [...sockets].every((socket) => socket.destroyed));
    await expect(ask(thread, address, middle.signal)).rejects.toThrow('cancelled');
  });

  it('keeps memory bounded with many slow readers', async () => {
    const block = Buffer.alloc(MIB);
    const { address, sockets } = await nodeThat(async (socket) => {
      socket.write(headFor(16 * MIB));
      for (let count = 0; count < 16 && !socket.destroyed; count += 1)
        if (!socket.write(block))
          await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve));
    });
    const thread = newThread();
    const bodies = [];
    const before = process.memoryUsage.rss();
    for (let count = 0; count < 100; count += 1) bodies.push((await ask(thread, address)).body);
    for (const body of bodies) await body?.next();
    await sleep(500);
    // All that they ask for would be 1600 MiB.
    expect((process.memoryUsage.rss() - before) / MIB).toBeLessThan(150);
    for (const body of bodies) await body?.close();
    await until(() => [...sockets].every((socket) => socket.destroyed));
  }, 20_000);

  it('fails what is under way when it dies, and begins anew', async () => {
    const { address } = await nodeThat((socket, count) => {
      if (count === 0) socket.write(`${headFor(MIB)}some`);
      if (count > 1) socket.write(`${headFor(2)}ok`);
    });
    const workers: Worker[] = [];
    const onWorker = (message: unknown): void => void workers.push((message as { worker: Worker }).worker);
    subscribe('worker_threads', onWorker);
    closing.push(async () => unsubscribe('worker_threads', onWorker));
    const thread = newThread();
    const { body } = await ask(thread, address);
    await body?.next();
    const reading = messageOf(body?.next() ?? Promise.resolve());
    const asking = messageOf(ask(thread, address));
    expect(workers.length).toBe(1);
    await workers[0]?.terminate();
    expect(await reading).toContain('ended');
    expect(await asking).toContain('ended');
    await sleep(20);
    await wholeOf(ask(thread, address)).catch(() => undefined);
    expect((await wholeOf(ask(thread, address))).toString()).toBe('ok');
    expect(workers.length).toBe(2);
  });

  it('ends what is under way when it is closed', async () => {
    const { address, sockets } = await nodeThat((socket, count) => {
      if (count === 0) socket.write(`${headFor(MIB)}some`);
    });
    const thread = newThread();
    const { body } = await ask(thread, address);
    await body?.next();
    const reading = messageOf(body?.next() ?? Promise.resolve());
    const asking = messageOf(ask(thread, address));
    await until(() => sockets.size === 2);
    await thread.close();
    expect(await reading).toContain('ended');
    expect(await asking).toContain('ended');
    await until(() => [...sockets].every((socket) => socket.destroyed));
    await expect(ask(thread, address)).rejects.toThrow('closed');
  });
});
