import type { Block } from './block-pool.ts';
import type { HashAlgorithm } from './hash-protocol.ts';
import type { HashLane, HashWorkers } from './hash-workers.ts';

/** Blocks that one upload may hold: one being filled, the others being hashed and written. */
const MAX_HELD_BLOCKS = 4;

export interface HashPipeline {
  /** The content in blocks; a chunk is valid until the next is asked for. Iterate once. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Resolves after `chunks` ended, with lower-case hex per algorithm. */
  digests(): Promise<ReadonlyMap<HashAlgorithm, string>>;
}

/**
 * Fills shared blocks from the input while earlier ones are hashed in threads and written by the consumer. The input is asked for
 * more only while fewer than four blocks are held, so a slow store slows the sender down. Nothing is taken before the iteration begins.
 */
export function hashPipeline(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
  algorithms: readonly HashAlgorithm[],
  workers: HashWorkers,
): HashPipeline {
  const run = new PipelineRun(algorithms, workers);
  return {
    chunks: run.chunks(first, rest),
    digests: () => run.digests(),
  };
}

interface Filling {
  readonly block: Block;
  length: number;
}

interface Filled {
  readonly block: Block;
  readonly length: number;
  readonly hashed: Promise<unknown>;
}

class PipelineRun {
  readonly #algorithms: readonly HashAlgorithm[];
  readonly #workers: HashWorkers;
  readonly #filled: Filled[] = [];
  #lanes: readonly HashLane[] = [];
  #filling: Filling | undefined;
  #held = 0;
  #ended = false;
  #stopped = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;
  #wakeProducer: (() => void) | undefined;

  constructor(algorithms: readonly HashAlgorithm[], workers: HashWorkers) {
    this.#algorithms = algorithms;
    this.#workers = workers;
  }

  async *chunks(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.#lanes = this.#workers.start(this.#algorithms);
    void this.#produce(first, rest);
    let done = false;
    try {
      for (;;) {
        const next = this.#filled.shift();
        if (next === undefined) {
          if (this.#failure !== undefined) throw this.#failure.error;
          if (this.#ended) break;
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          continue;
        }
        try {
          yield next.block.bytes.subarray(0, next.length);
        } finally {
          this.#release(next);
        }
      }
      done = true;
    } finally {
      this.#stop();
      if (!done) {
        for (const lane of this.#lanes) lane.drop();
        // Not awaited: a slow sender may keep the last next() pending, and nobody is interested any more.
        rest.return?.().then(undefined, () => {});
      }
    }
  }

  async digests(): Promise<ReadonlyMap<HashAlgorithm, string>> {
    const hex = await Promise.all(this.#lanes.map((lane) => lane.finish()));
    return new Map(this.#algorithms.map((algorithm, index) => [algorithm, hex[index] ?? '']));
  }

  async #produce(first: Uint8Array, rest: AsyncIterator<Uint8Array>): Promise<void> {
    try {
      await this.#fill(first);
      while (!this.#stopped) {
        const next = await rest.next();
        if (next.done === true) break;
        await this.#fill(next.value);
      }
      if (!this.#stopped) this.#dispatch();
      this.#ended = true;
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      this.#wake?.();
    }
  }

  async #fill(chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.byteLength; ) {
      const filling = this.#filling ?? (await this.#takeBlock());
      if (filling === undefined || this.#stopped) return;
      const { bytes } = filling.block;
      const run = Math.min(bytes.byteLength - filling.length, chunk.byteLength - offset);
      bytes.set(chunk.subarray(offset, offset + run), filling.length);
      filling.length += run;
      offset += run;
      if (filling.length === bytes.byteLength) this.#dispatch();
    }
  }

  /** Undefined when nobody wants the bytes any more. */
  async #takeBlock(): Promise<Filling | undefined> {
    while (this.#held >= MAX_HELD_BLOCKS && !this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#wakeProducer = resolve;
      });
    }
    if (this.#stopped) return undefined;
    this.#held += 1;
    this.#filling = { block: this.#workers.blocks.take(), length: 0 };
    return this.#filling;
  }

  /** Hands what was filled so far to the threads and to the consumer. */
  #dispatch(): void {
    const filling = this.#filling;
    if (filling === undefined) return;
    this.#filling = undefined;
    const { block, length } = filling;
    const hashed = Promise.all(this.#lanes.map((lane) => lane.update(block, length))).catch((error) => {
      this.#failure ??= { error };
      this.#wake?.();
    });
    this.#filled.push({ block, length, hashed });
    this.#wake?.();
  }

  /** Frees everything at once; the producer may wait for a silent sender for long and must not keep a block meanwhile. */
  #stop(): void {
    this.#stopped = true;
    this.#wakeProducer?.();
    for (const filled of this.#filled.splice(0)) this.#release(filled);
    const filling = this.#filling;
    this.#filling = undefined;
    if (filling !== undefined) this.#giveBack(filling.block);
  }

  /** A block returns to the pool only when the consumer and every hash thread are done with it. */
  #release(filled: Filled): void {
    void filled.hashed.then(() => this.#giveBack(filled.block));
  }

  #giveBack(block: Block): void {
    this.#held -= 1;
    this.#workers.blocks.give(block);
    this.#wakeProducer?.();
  }
}
