import { Worker } from 'node:worker_threads';
import { OsproxyError } from '../errors.ts';
import { type Block, BlockPool } from './block-pool.ts';
import type { HashAlgorithm, HashReply, HashRequest } from './hash-protocol.ts';

const LARGE_BUDGET_BYTES = 48 * 1024 * 1024;
/** A hash thread keeps next to nothing; without limits V8 gives it room for much more. MiB. */
const THREAD_MEMORY = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 };

/** One running digest in a worker thread; updates are hashed in the order given. */
export interface HashLane {
  /** Resolves when the worker has read the first `length` bytes of the block; until then they must not change. */
  update(block: Block, length: number): Promise<void>;
  /** Lower-case hex; the lane is over. */
  finish(): Promise<string>;
  /** Ends the lane without a result. */
  drop(): void;
}

interface Waiting {
  resolve(value: string): void;
  reject(error: Error): void;
}

class HashThread {
  readonly #worker: Worker;
  readonly #known = new Set<number>();
  readonly #waiting = new Map<number, Waiting[]>();
  readonly #lanes = new Set<number>();
  failure: Error | undefined;

  constructor() {
    this.#worker = new Worker(new URL('./hash-worker.ts', import.meta.url), {
      resourceLimits: THREAD_MEMORY,
    });
    this.#worker.unref();
    this.#worker.on('message', (reply: HashReply) => {
      const waiting = this.#waiting.get(reply.lane);
      waiting?.shift()?.resolve(reply.kind === 'digest' ? reply.hex : '');
      if (reply.kind === 'digest') this.#lanes.delete(reply.lane);
      if (waiting?.length === 0 && !this.#lanes.has(reply.lane)) this.#waiting.delete(reply.lane);
    });
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('the hash worker ended')));
  }

  get load(): number {
    return this.#lanes.size;
  }

  start(lane: number, algorithm: HashAlgorithm): HashLane {
    this.#lanes.add(lane);
    this.#waiting.set(lane, []);
    this.#send({ kind: 'start', lane, algorithm });
    return {
      update: async (block, length) => {
        if (!this.#known.has(block.id)) {
          this.#known.add(block.id);
          this.#send({ kind: 'block', block: block.id, memory: block.bytes.buffer as SharedArrayBuffer });
        }
        await this.#ask(lane, { kind: 'update', lane, block: block.id, length });
      },
      finish: () => this.#ask(lane, { kind: 'finish', lane }),
      drop: () => {
        if (!this.#lanes.delete(lane)) return;
        if (this.#waiting.get(lane)?.length === 0) this.#waiting.delete(lane);
        this.#send({ kind: 'drop', lane });
      },
    };
  }

  retire(block: number): void {
    if (this.#known.delete(block)) this.#send({ kind: 'retire', block });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #send(request: HashRequest): void {
    if (this.failure === undefined) this.#worker.postMessage(request);
  }

  #ask(lane: number, request: HashRequest): Promise<string> {
    if (this.failure !== undefined) return Promise.reject(hashingFailed(this.failure));
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(lane);
      if (waiting === undefined) reject(hashingFailed(new Error('the digest is over')));
      else {
        waiting.push({ resolve, reject });
        this.#send(request);
      }
    });
  }

  #fail(error: Error): void {
    this.failure ??= error;
    for (const waiting of this.#waiting.values()) {
      for (const one of waiting) one.reject(hashingFailed(error));
    }
    this.#waiting.clear();
    this.#lanes.clear();
  }
}

function hashingFailed(cause: Error): OsproxyError {
  return new OsproxyError('Internal', 'Hashing the content failed; send it again.', {
    cause,
    retryable: true,
  });
}

/** A few threads that compute digests beside the event loop; a thread that dies is replaced for the next lane. */
export class HashWorkers {
  readonly blocks: BlockPool;
  readonly #threads: HashThread[] = [];
  readonly #size: number;
  #nextLane = 1;

  /** `threads`: 1 to 64; they start with the first large upload. */
  constructor(threads: number) {
    this.#size = threads;
    this.blocks = new BlockPool(LARGE_BUDGET_BYTES, (block) => {
      for (const thread of this.#threads) thread.retire(block);
    });
  }

  /** Starts the threads now instead of with the first large upload, so that their memory counts from the start. */
  warm(): void {
    while (this.#threads.length < this.#size) this.#threads.push(new HashThread());
  }

  /** One lane per algorithm, on different threads where there are enough. */
  start(algorithms: readonly HashAlgorithm[]): HashLane[] {
    return algorithms.map((algorithm) => this.#leastBusy().start(this.#nextLane++, algorithm));
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.splice(0).map((thread) => thread.close()));
  }

  #leastBusy(): HashThread {
    const dead = this.#threads.findIndex((thread) => thread.failure !== undefined);
    if (dead >= 0) this.#threads.splice(dead, 1);
    const best = this.#threads.reduce<HashThread | undefined>(
      (least, thread) => (least === undefined || thread.load < least.load ? thread : least),
      undefined,
    );
    if (best !== undefined && (best.load === 0 || this.#threads.length >= this.#size)) return best;
    const thread = new HashThread();
    this.#threads.push(thread);
    return thread;
  }
}
