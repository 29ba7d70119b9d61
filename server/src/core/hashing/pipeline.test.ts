import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { crashAThread, type LentBlocks, watchBlocks } from '#test/core/hashing-probe.ts';
import { HashWorkers } from './hash-workers.ts';
import { hashPipeline } from './pipeline.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const pool = randomBytes(5 * MIB);

/** Chunks of these sizes in one buffer that is overwritten for each. */
async function* reusing(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(Math.max(1, ...sizes));
  for (let at = 0, i = 0; at < bytes.byteLength; i += 1) {
    const size = Math.min(sizes[i % sizes.length] ?? 1, bytes.byteLength - at);
    buffer.set(bytes.subarray(at, at + size));
    at += size;
    yield buffer.subarray(0, size);
    buffer.fill(0xee);
  }
}

function run(workers: HashWorkers, input: AsyncIterable<Uint8Array>, first: Uint8Array = new Uint8Array(0)) {
  return hashPipeline(first, input[Symbol.asyncIterator](), ['sha256', 'md5'], workers);
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const chunk of chunks) read.push(Buffer.from(chunk));
  return Buffer.concat(read);
}

describe('hashPipeline', () => {
  let workers: HashWorkers;
  let lent: LentBlocks;
  beforeEach(() => {
    workers = new HashWorkers(2);
    lent = watchBlocks(workers);
  });
  afterEach(async () => {
    await workers.close();
  });

  const noneLent = () => vi.waitFor(() => expect(lent.now).toBe(0), { timeout: 5000, interval: 2 });

  it('passes the bytes on unchanged and computes their digests, however they are cut', async () => {
    const border = fc.constantFrom(64 * KIB, MIB, 2 * MIB, 4 * MIB);
    const size = fc.oneof(
      fc.nat(200 * KIB),
      fc.tuple(border, fc.integer({ min: -2, max: 2 })).map(([at, off]) => at + off),
    );
    const chunk = fc.oneof(
      fc.integer({ min: 1000, max: 70_000 }),
      border.map((at) => at + 1),
      border,
    );
    const chunks = fc.array(chunk, { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(size, chunks, fc.nat(64 * KIB), async (length, sizes, firstSize) => {
        const bytes = pool.subarray(0, length);
        const first = bytes.subarray(0, firstSize);
        const pipeline = run(workers, reusing(bytes.subarray(first.byteLength), sizes), first);
        expect((await readAll(pipeline.chunks)).equals(bytes)).toBe(true);
        const hex = await pipeline.digests();
        expect(hex.get('sha256')).toBe(createHash('sha256').update(bytes).digest('hex'));
        expect(hex.get('md5')).toBe(createHash('md5').update(bytes).digest('hex'));
      }),
      { numRuns: 60 },
    );
    await noneLent();
  });

  it('lends at most four blocks to a slow consumer and stops asking the sender', async () => {
    let asked = 0;
    async function* sender(): AsyncGenerator<Uint8Array> {
      for (; asked < 40; ) {
        asked += 1;
        yield pool.subarray(0, MIB);
      }
    }
    let read = 0;
    for await (const chunk of run(workers, sender()).chunks) {
      read += chunk.byteLength;
      await sleep(3);
      expect(asked - read / MIB).toBeLessThanOrEqual(5);
    }
    expect(read).toBe(40 * MIB);
    expect(lent.most).toBeLessThanOrEqual(4);
    await noneLent();
  });

  it.each([0, 1, 3])(
    'frees every block and ends the sender when the consumer leaves after %i chunks',
    async (after) => {
      let ended = 0;
      async function* sender(): AsyncGenerator<Uint8Array> {
        try {
          for (let i = 0; i < 50; i += 1) yield pool.subarray(0, 3 * MIB + 17);
        } finally {
          ended += 1;
        }
      }
      for (let repeat = 0; repeat < 10; repeat += 1) {
        const chunks = run(workers, sender()).chunks[Symbol.asyncIterator]();
        for (let i = 0; i < after; i += 1) expect((await chunks.next()).done).toBe(false);
        await sleep(repeat);
        await chunks.return?.();
      }
      await noneLent();
      expect(ended).toBe(after === 0 ? 0 : 10);
    },
  );

  it('frees its blocks at once when the consumer leaves, even while the sender is silent for ever', async () => {
    async function* sender(): AsyncGenerator<Uint8Array> {
      yield pool.subarray(0, MIB + 5);
      await new Promise(() => {});
    }
    const chunks = run(workers, sender()).chunks[Symbol.asyncIterator]();
    await chunks.next();
    expect(lent.now).toBe(2);
    await chunks.return?.();
    await noneLent();
  });

  it('throws what the sender throws, after what came before, and frees its blocks', async () => {
    async function* sender(): AsyncGenerator<Uint8Array> {
      yield pool.subarray(0, 2 * MIB);
      throw undefined;
    }
    let read = 0;
    const reading = (async () => {
      for await (const chunk of run(workers, sender()).chunks) read += chunk.byteLength;
    })();
    await expect(reading).rejects.toBeUndefined();
    expect(read).toBe(2 * MIB);
    await noneLent();
  });

  it('fails when a hash thread dies, frees its blocks, and the next upload works', async () => {
    const single = new HashWorkers(1);
    const blocks = watchBlocks(single);
    async function* sender(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 20; i += 1) yield pool.subarray(0, MIB);
    }
    const pipeline = run(single, sender());
    const reading = (async () => {
      let chunks = 0;
      for await (const _ of pipeline.chunks) {
        chunks += 1;
        if (chunks === 3) await crashAThread(single);
      }
      await pipeline.digests();
    })();
    await expect(reading).rejects.toMatchObject({ code: 'Internal', retryable: true });
    await vi.waitFor(() => expect(blocks.now).toBe(0));
    const next = run(single, reusing(pool, [MIB]));
    await readAll(next.chunks);
    expect((await next.digests()).get('sha256')).toBe(createHash('sha256').update(pool).digest('hex'));
    await single.close();
  });

  it('finishes 200 at once with right digests and bounded memory', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const wanted = createHash('sha256').update(pool).digest('hex');
    const runs = Array.from({ length: 200 }, async (_, i) => {
      const pipeline = run(workers, reusing(pool, [10_000 + i * 777]));
      for await (const chunk of pipeline.chunks) if (chunk.byteLength === 0) throw new Error('empty chunk');
      return (await pipeline.digests()).get('sha256');
    });
    expect(new Set(await Promise.all(runs))).toEqual(new Set([wanted]));
    expect(lent.most).toBeLessThanOrEqual(800);
    await noneLent();
    // 48 large blocks of the budget, at most 256 small ones that are kept, the senders' buffers.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(150 * MIB);
  });
});
