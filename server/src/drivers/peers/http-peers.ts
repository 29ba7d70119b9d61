import type { KeyObject } from 'node:crypto';
import { cancelled, throwIfCancelled } from '#core/cancellation.ts';
import { PEER_PURPOSE } from '#core/cluster/peer-gate.ts';
import {
  CODE_HEADER,
  EMPTY_SHA256,
  isProven,
  keyFor,
  MODIFIED_HEADER,
  PROOF_HEADER,
  SIZE_HEADER,
  signPeerRequest,
} from '#core/cluster/peer-signature.ts';
import { isOsproxyError, OsproxyError } from '#core/errors.ts';
import type { Clock } from '#core/ports/clock.ts';
import type { Coordinator } from '#core/ports/coordinator.ts';
import { NodeAway, type PeerStore, type Peers } from '#core/ports/peers.ts';
import type { ByteRange } from '#core/ports/storage-driver.ts';
import { NodeAddresses } from './node-addresses.ts';
import { type PeerAnswer, PeerThread, StaleConnection } from './peer-thread.ts';
import { Reachability } from './reachability.ts';
import type { PeerTimeouts } from './thread/protocol.ts';

/** Where every node serves its objects to the others. */
const OBJECTS_PATH = '/api/peer/v1/objects';
const DEFAULT_TIMEOUTS: PeerTimeouts = { connectMs: 3_000, firstByteMs: 15_000, idleMs: 30_000 };
const TRIES = 3;

export interface HttpPeersOptions {
  readonly nodeId: string;
  readonly secret: string;
  readonly coordinator: Pick<Coordinator, 'nodes'>;
  readonly clock: Clock;
  readonly timeouts?: Partial<PeerTimeouts>;
}

/** For the log: which node, and why. */
class PeerFailure extends Error {}

interface Ask {
  readonly node: string;
  readonly method: 'GET' | 'HEAD' | 'DELETE';
  readonly target: string;
  readonly signal: AbortSignal | undefined;
}

interface Answer {
  readonly content: Pick<PeerAnswer, 'length' | 'bytes' | 'body'>;
  readonly size: number;
  readonly modifiedAt: Date;
}

/** The other nodes over HTTP: addresses from the registry, connections that are used again, every request signed with the cluster secret. */
export class HttpPeers implements Peers {
  readonly #options: HttpPeersOptions;
  readonly #key: KeyObject;
  readonly #addresses: NodeAddresses;
  readonly #thread: PeerThread;
  readonly #reach = new Map<string, Reachability>();

  constructor(options: HttpPeersOptions) {
    this.#options = options;
    this.#key = keyFor(options.secret, PEER_PURPOSE);
    this.#thread = new PeerThread({ ...DEFAULT_TIMEOUTS, ...options.timeouts });
    this.#addresses = new NodeAddresses(options.coordinator);
  }

  storeOf(node: string, store: string): PeerStore {
    const target = (key: string, query = '') => `${OBJECTS_PATH}/${encodeURIComponent(store)}/${key}${query}`;
    return {
      open: async (key, range, { signal } = {}) => {
        const ask: Ask = { node, method: 'GET', target: target(key, queryOf(range)), signal };
        const { content, size } = await this.#ask(ask);
        const { length, bytes, body } = content;
        if (length === (range?.length ?? size)) {
          if (bytes !== undefined)
            return { size, bytes, chunks: oneChunk(bytes, signal), close: async () => {} };
          if (body !== undefined) return { size, chunks: body, close: () => body.close() };
        }
        await body?.close();
        throw new OsproxyError('Internal', 'Another node gave another number of bytes than was asked for.');
      },
      stat: async (key, { signal } = {}) => {
        const { size, modifiedAt } = await this.#ask({ node, method: 'HEAD', target: target(key), signal });
        return { size, modifiedAt };
      },
      delete: async (key, { signal } = {}) => {
        const { content } = await this.#ask({ node, method: 'DELETE', target: target(key), signal });
        await content.body?.close();
      },
    };
  }

  async close(): Promise<void> {
    await this.#thread.close();
  }

  async #ask(ask: Ask): Promise<Answer> {
    throwIfCancelled(ask.signal, cancelled);
    const reach = this.#reachOf(ask.node);
    if (!reach.mayTry()) throw away(ask.node, reach.reason);
    const sentAt = performance.now();
    try {
      const answer = await this.#send(ask);
      reach.answered();
      return answer;
    } catch (error) {
      if (ask.signal?.aborted) {
        reach.cancelled();
        throw cancelled(ask.signal);
      }
      if (error instanceof OsproxyError && !(error instanceof NodeAway)) {
        reach.answered();
        throw error;
      }
      // It may have another address since.
      this.#addresses.forget();
      const failure = error instanceof NodeAway ? error : away(ask.node, error);
      reach.failed(failure.cause, sentAt);
      throw failure;
    }
  }

  /** Every call may be repeated, so a connection that the other side had closed meanwhile is no reason to fail. */
  async #send(ask: Ask): Promise<Answer> {
    for (let tried = 1; ; tried += 1) {
      try {
        return await this.#sendOnce(ask);
      } catch (error) {
        if (!(error instanceof StaleConnection) || tried >= TRIES) throw error;
      }
    }
  }

  async #sendOnce({ node, method, target, signal }: Ask): Promise<Answer> {
    const address = await this.#addresses.of(node).catch((error: unknown): never => {
      throw away(node, error);
    });
    if (address === undefined || !/^https?:/.test(address) || !URL.canParse(address))
      throw away(node, new Error(`Node ${node} is not in the registry; it was stopped.`));
    const { nodeId: from, clock } = this.#options;
    const request = { method, target, bodySha256: EMPTY_SHA256 };
    const { header, nonce } = signPeerRequest(this.#key, request, { from, to: node, at: clock.now() });
    const answer = await this.#thread.ask(
      { address, method, target, authorization: header },
      { signal, broken: (error) => away(node, error) },
    );
    try {
      return this.#judge(node, nonce, answer);
    } catch (error) {
      await answer.body?.close();
      throw error;
    }
  }

  /** Nothing of an answer is used before this. */
  #judge(node: string, nonce: string, answer: PeerAnswer): Answer {
    const { status, headers } = answer;
    const code = headers[CODE_HEADER] ?? '';
    const size = headers[SIZE_HEADER] === undefined ? undefined : Number(headers[SIZE_HEADER]);
    const proven = isProven(this.#key, nonce, { status, code, size }, headers[PROOF_HEADER] ?? '');
    if (!proven)
      throw away(node, new Error(strangerText(node, status, headers['x-osproxy-peer-refusal'] ?? '')));
    if (code === '')
      return {
        content: answer,
        size: size ?? 0,
        modifiedAt: new Date(Number(headers[MODIFIED_HEADER] ?? 0)),
      };
    if (code === 'NotFound') throw new OsproxyError('NotFound', 'There is no such object.');
    if (code === 'RangeNotSatisfiable')
      throw new OsproxyError('RangeNotSatisfiable', 'The range does not lie inside the object.');
    if (code === 'Internal') throw new OsproxyError('Internal', `Node ${node} failed; its log says more.`);
    throw away(node, new Error(`Node ${node} answered ${code}; its log says more.`));
  }

  #reachOf(node: string): Reachability {
    const known = this.#reach.get(node);
    if (known !== undefined) return known;
    const reach = new Reachability();
    this.#reach.set(node, reach);
    return reach;
  }
}

function queryOf(range: ByteRange | undefined): string {
  return range === undefined ? '' : `?offset=${range.offset}&length=${range.length}`;
}

async function* oneChunk(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  throwIfCancelled(signal, cancelled);
  if (bytes.length > 0) yield bytes;
}

function away(node: string, cause: unknown): NodeAway {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const known = cause instanceof PeerFailure || isOsproxyError(cause);
  const told = known ? cause : new PeerFailure(`Node ${node} cannot be used: ${reason}`, { cause });
  return new NodeAway(
    'The content is on another node, which does not answer at the moment; try again.',
    told,
  );
}

function strangerText(node: string, status: number, refusal: string): string {
  if (refusal !== '') return `it refused: ${refusal}`;
  return `what answers at the address of node ${node} (status ${status}) does not show the cluster secret; it must be the same on every node`;
}
