import type { Block } from './block-pool.ts';
import type { HashAlgorithm } from './hash-protocol.ts';
import type { HashWorkers } from './hash-workers.ts';

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
 * more only while fewer than four blocks are held, so a slow store slows the sender down.
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

interface Filled {
  readonly block: Block;
  readonly length: number;
  readonly hashed: Promise<unknown>;
}

class PipelineRun {
  readonly #algorithms: readonly HashAlgorithm[];
  readonly #workers: HashWorkers;
  readonly #lanes;
  readonly #filled: Filled[] = [];
  #held = 0;
  #ended = false;
  #stopped = false;
  #failure: unknown;
  #wake: (() => void) | undefined;
  #wakeProducer: (() => void) | undefined;

  constructor(algorithms: readonly HashAlgorithm[], workers: HashWorkers) {
    this.#algorithms = algorithms;
    this.#workers = workers;
    this.#lanes = workers.start(algorithms);
  }

  async *chunks(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
    void this.#produce(first, rest);
    let done = false;
    try {
      for (;;) {
        const next = this.#filled.shift();
        if (next === undefined) {
          if (this.#failure !== undefined) throw this.#failure;
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
      this.#stopped = true;
      this.#wakeProducer?.();
      for (const filled of this.#filled.splice(0)) this.#release(filled);
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
    let block: Block | undefined;
    let length = 0;
    const fill = async (chunk: Uint8Array): Promise<void> => {
      let offset = 0;
      while (offset < chunk.byteLength && !this.#stopped) {
        block ??= await this.#takeBlock();
        const run = Math.min(block.bytes.byteLength - length, chunk.byteLength - offset);
        block.bytes.set(chunk.subarray(offset, offset + run), length);
        length += run;
        offset += run;
        if (length === block.bytes.byteLength) {
          this.#dispatch(block, length);
          block = undefined;
          length = 0;
        }
      }
    };
    try {
      await fill(first);
      while (!this.#stopped) {
        const next = await rest.next();
        if (next.done === true) break;
        await fill(next.value);
      }
      if (block !== undefined && length > 0 && !this.#stopped) {
        this.#dispatch(block, length);
        block = undefined;
      }
      this.#ended = true;
    } catch (error) {
      this.#failure = error;
    } finally {
      if (block !== undefined) this.#giveBack(block);
      this.#wake?.();
    }
  }

  async #takeBlock(): Promise<Block> {
    while (this.#held >= MAX_HELD_BLOCKS && !this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#wakeProducer = resolve;
      });
    }
    this.#held += 1;
    return this.#workers.blocks.take();
  }

  #dispatch(block: Block, length: number): void {
    const hashed = Promise.all(this.#lanes.map((lane) => lane.update(block, length))).catch((error) => {
      this.#failure ??= error;
      this.#wake?.();
    });
    this.#filled.push({ block, length, hashed });
    this.#wake?.();
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
