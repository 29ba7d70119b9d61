import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { PeerGate } from '#core/cluster/peer-gate.ts';
import {
  CODE_HEADER,
  EMPTY_SHA256,
  MODIFIED_HEADER,
  PROOF_HEADER,
  SIZE_HEADER,
} from '#core/cluster/peer-signature.ts';
import { type ErrorCode, isOsproxyError } from '#core/errors.ts';
import type { NodeRecord } from '#core/model/lease.ts';
import type { PeerPrincipal } from '#core/model/principal.ts';
import { systemClock } from '#core/ports/clock.ts';
import { NodeAway } from '#core/ports/peers.ts';
import type { StoredObject } from '#core/ports/storage-driver.ts';
import { silentLogger } from '#test/silent-logger.ts';
import { HttpPeers } from './http-peers.ts';

const SECRET = 'the secret of a cluster, 32 characters';
const TIMEOUTS = { connectMs: 300, firstByteMs: 300, idleMs: 300 };

type Answerer = (peer: PeerPrincipal, response: ServerResponse, url: string) => void;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function listenWith(listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return server;
}

const addressOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** A node "n2" that lets peers in as a real one does and answers as the test wants. */
function nodeThat(answer: Answerer): Promise<Server> {
  const gate = new PeerGate({ secrets: [SECRET], nodeId: 'n2', clock: systemClock, logger: silentLogger });
  return listenWith((request, response) => {
    const said = { method: request.method ?? '', target: request.url ?? '', bodySha256: EMPTY_SHA256 };
    try {
      answer(gate.admit(request.headers.authorization ?? '', said), response, said.target);
    } catch {
      response.writeHead(401).end();
    }
  });
}

function peersTo(address: () => string | undefined, secret = SECRET): HttpPeers {
  const record = (at: string): NodeRecord => ({
    id: 'n2',
    address: at,
    version: '1',
    startedAt: 0,
    heartbeatAt: 0,
  });
  const coordinator = {
    nodes: async () => {
      const at = address();
      return at === undefined ? [] : [record(at)];
    },
  };
  const peers = new HttpPeers({ nodeId: 'n1', secret, coordinator, clock: systemClock, timeouts: TIMEOUTS });
  closing.push(() => peers.close());
  return peers;
}

function begin(peer: PeerPrincipal, response: ServerResponse, size: number): void {
  response.writeHead(200, {
    'content-length': size,
    [SIZE_HEADER]: String(size),
    [MODIFIED_HEADER]: '1000',
    [PROOF_HEADER]: peer.prove({ status: 200, code: '', size }),
  });
}

function refuse(peer: PeerPrincipal, response: ServerResponse, status: number, code: ErrorCode): void {
  const proof = peer.prove({ status, code, size: undefined });
  response.writeHead(status, { [CODE_HEADER]: code, [PROOF_HEADER]: proof }).end();
}

async function readAll(object: StoredObject): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of object.chunks) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** What the log would say. */
function reasonOf(error: unknown): string {
  if (!(error instanceof NodeAway)) throw new Error(`not a NodeAway: ${error}`);
  return error.cause instanceof Error ? error.cause.message : String(error.cause);
}

describe('the store of another node', () => {
  it('opens, stats and deletes, and uses connections again', async () => {
    const asked: string[] = [];
    const sockets = new Set<Socket>();
    const server = await nodeThat((peer, response, url) => {
      asked.push(`${response.req.method} ${url}`);
      sockets.add(response.req.socket);
      if (response.req.method === 'DELETE') {
        const proof = peer.prove({ status: 204, code: '', size: undefined });
        response.writeHead(204, { [PROOF_HEADER]: proof }).end();
        return;
      }
      begin(peer, response, 5);
      response.end(response.req.method === 'HEAD' ? undefined : 'hello');
    });
    const store = peersTo(() => addressOf(server)).storeOf('n2', 'local');
    expect(await readAll(await store.open('ab/cd'))).toBe('hello');
    expect(await store.stat('ab/cd')).toEqual({ size: 5, modifiedAt: new Date(1000) });
    await store.delete('ab/cd');
    expect(asked).toEqual([
      'GET /api/peer/v1/objects/local/ab/cd',
      'HEAD /api/peer/v1/objects/local/ab/cd',
      'DELETE /api/peer/v1/objects/local/ab/cd',
    ]);
    for (let count = 0; count < 10; count += 1) await readAll(await store.open('ab/cd'));
    expect(sockets.size).toBeLessThanOrEqual(2);
  });

  it('believes NotFound only from a node that knows the secret', async () => {
    const honest = await nodeThat((peer, response) => refuse(peer, response, 404, 'NotFound'));
    const said = await failure(
      peersTo(() => addressOf(honest))
        .storeOf('n2', 's')
        .stat('a'),
    );
    expect(isOsproxyError(said, 'NotFound')).toBe(true);

    const stranger = await listenWith((_request, response) => {
      response.writeHead(404, { [CODE_HEADER]: 'NotFound', [PROOF_HEADER]: 'f'.repeat(64) }).end();
    });
    const doubted = await failure(
      peersTo(() => addressOf(stranger))
        .storeOf('n2', 's')
        .stat('a'),
    );
    expect(reasonOf(doubted)).toContain('does not show the cluster secret');
  });

  it('takes no bytes from whoever does not know the secret, and none of another length', async () => {
    const stranger = await listenWith((_request, response) => {
      response.writeHead(200, { [SIZE_HEADER]: '4', 'content-length': 4 }).end('evil');
    });
    expect(
      reasonOf(
        await failure(
          peersTo(() => addressOf(stranger))
            .storeOf('n2', 's')
            .open('a'),
        ),
      ),
    ).toContain('secret');
    const shorter = await nodeThat((peer, response) => {
      begin(peer, response, 4);
      response.end('good');
    });
    const wanted = peersTo(() => addressOf(shorter))
      .storeOf('n2', 's')
      .open('a', { offset: 0, length: 3 });
    expect(isOsproxyError(await failure(wanted), 'Internal')).toBe(true);
  });

  it('is away when nothing listens, when it has left, and when it does not answer in time', async () => {
    const server = await nodeThat(() => {});
    expect(
      reasonOf(
        await failure(
          peersTo(() => addressOf(server))
            .storeOf('n2', 's')
            .stat('a'),
        ),
      ),
    ).toContain('no answer within 300 ms');
    expect(
      reasonOf(
        await failure(
          peersTo(() => undefined)
            .storeOf('n2', 's')
            .stat('a'),
        ),
      ),
    ).toContain('not in the registry');
    const nothing = peersTo(() => 'http://127.0.0.1:1').storeOf('n2', 's');
    expect(reasonOf(await failure(nothing.stat('a')))).toContain('ECONNREFUSED');
  });

  it('is left alone for a moment after a failure, and found again at its new address', async () => {
    let calls = 0;
    const server = await nodeThat((peer, response) => {
      calls += 1;
      begin(peer, response, 1);
      response.end();
    });
    let address = 'http://127.0.0.1:1';
    const store = peersTo(() => address).storeOf('n2', 's');
    expect(await failure(store.stat('a'))).toBeInstanceOf(NodeAway);
    address = addressOf(server);
    expect(await failure(store.stat('a'))).toBeInstanceOf(NodeAway);
    expect(calls).toBe(0);
    await sleep(1_200);
    expect((await store.stat('a')).size).toBe(1);
  });

  it('is not left alone for one connection that is dead while others are answered', async () => {
    const server = await nodeThat((peer, response, url) => {
      if (url.endsWith('/dead')) return;
      begin(peer, response, 1);
      response.end();
    });
    const store = peersTo(() => addressOf(server)).storeOf('n2', 's');
    const dead = failure(store.stat('dead'));
    await sleep(100);
    expect((await store.stat('a')).size).toBe(1);
    expect(reasonOf(await dead)).toContain('no answer within 300 ms');
    expect((await store.stat('a')).size).toBe(1);
  });

  it('fails in the middle when bytes stop coming or end early', async () => {
    const stalls = await nodeThat((peer, response) => {
      begin(peer, response, 100_000);
      response.write('some');
    });
    const object = await peersTo(() => addressOf(stalls))
      .storeOf('n2', 's')
      .open('a');
    expect(reasonOf(await failure(readAll(object)))).toContain('No byte came for 300 ms');

    const breaks = await nodeThat((peer, response) => {
      begin(peer, response, 100_000);
      response.write('some', () => response.destroy());
    });
    const broken = await peersTo(() => addressOf(breaks))
      .storeOf('n2', 's')
      .open('a');
    expect(await failure(readAll(broken))).toBeInstanceOf(NodeAway);
  });

  it('reads a small object when it is opened, and does not open one that stalls or ends early', async () => {
    const whole = await nodeThat((peer, response) => {
      begin(peer, response, 4);
      response.write('so', () => setTimeout(() => response.end('me'), 20));
    });
    const object = await peersTo(() => addressOf(whole))
      .storeOf('n2', 's')
      .open('a');
    expect(Buffer.from(object.bytes ?? []).toString()).toBe('some');
    expect(await readAll(object)).toBe('some');

    const stalls = await nodeThat((peer, response) => {
      begin(peer, response, 100);
      response.write('some');
    });
    const stalled = peersTo(() => addressOf(stalls))
      .storeOf('n2', 's')
      .open('a');
    expect(reasonOf(await failure(stalled))).toContain('No byte came for 300 ms');

    const breaks = await nodeThat((peer, response) => {
      begin(peer, response, 100);
      response.write('some', () => response.destroy());
    });
    const broken = peersTo(() => addressOf(breaks))
      .storeOf('n2', 's')
      .open('a');
    expect(await failure(broken)).toBeInstanceOf(NodeAway);
  });

  it('waits as long as its reader does, and reads nothing ahead but what the network holds', async () => {
    const size = 64 * 1024 * 1024;
    let sent = 0;
    const server = await nodeThat(async (peer, response) => {
      begin(peer, response, size);
      const block = Buffer.alloc(64 * 1024);
      for (; sent < size; sent += block.length) {
        if (!response.write(block)) await new Promise((resolve) => response.once('drain', resolve));
      }
      response.end();
    });
    const object = await peersTo(() => addressOf(server))
      .storeOf('n2', 's')
      .open('a');
    const chunks = object.chunks[Symbol.asyncIterator]();
    await chunks.next();
    await sleep(800);
    expect(sent).toBeLessThan(32 * 1024 * 1024);
    let received = 0;
    for (let next = await chunks.next(); !next.done; next = await chunks.next())
      received += next.value.length;
    expect(received).toBeGreaterThan(size / 2);
  });

  it('stops the other node when its reader leaves, closes or gives the signal', async () => {
    let ended = 0;
    const server = await nodeThat((peer, response) => {
      begin(peer, response, 1_000_000);
      response.write('some');
      response.on('close', () => {
        ended += 1;
      });
    });
    const store = peersTo(() => addressOf(server)).storeOf('n2', 's');
    await (await store.open('a')).close();
    for await (const _chunk of (await store.open('a')).chunks) break;
    const controller = new AbortController();
    const object = await store.open('a', undefined, { signal: controller.signal });
    const reading = failure(readAll(object));
    await sleep(50);
    controller.abort();
    expect(isOsproxyError(await reading, 'Cancelled')).toBe(true);
    for (let waited = 0; ended < 3 && waited < 5_000; waited += 20) await sleep(20);
    expect(ended).toBe(3);
    const gone = failure(store.open('a', undefined, { signal: controller.signal }));
    expect(isOsproxyError(await gone, 'Cancelled')).toBe(true);
  });

  it('tries again when a connection that was kept had been closed', async () => {
    const server = await nodeThat((peer, response) => {
      begin(peer, response, 1);
      response.end('x', () => response.req.socket.destroy());
    });
    const store = peersTo(() => addressOf(server)).storeOf('n2', 's');
    for (let count = 0; count < 20; count += 1) expect(await readAll(await store.open('a'))).toBe('x');
  });

  it('says why a node refused', async () => {
    const server = await listenWith((_request, response) => {
      response
        .writeHead(401, { 'x-osproxy-peer-refusal': 'The clock of node n1 is 95.0 seconds behind' })
        .end();
    });
    const store = peersTo(() => addressOf(server)).storeOf('n2', 's');
    expect(reasonOf(await failure(store.stat('a')))).toContain('The clock of node n1 is 95.0 seconds behind');
  });
});
