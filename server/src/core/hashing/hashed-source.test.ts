import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { Expectation } from '../model/blob.ts';
import { HashWorkers } from './hash-workers.ts';
import { type HashedSource, hashedSource, INLINE_HASH_BYTES } from './hashed-source.ts';

const workers = new HashWorkers(2);
const pool = randomBytes(300_000);
afterAll(() => workers.close());

const digestOf = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest('hex');

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.byteLength; at += size) {
    const chunk = bytes.subarray(at, at + size);
    buffer.set(chunk);
    yield buffer.subarray(0, chunk.byteLength);
    buffer.fill(0xee);
  }
}

const open = (input: AsyncIterable<Uint8Array>, expectation: Expectation = {}, signal?: AbortSignal) =>
  hashedSource(input, { md5: true, sha1: true, expect: expectation, signal }, workers);

async function readAll(source: HashedSource): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const chunk of source.open()) read.push(Buffer.from(chunk));
  return Buffer.concat(read);
}

/** Never ends by itself, and tells whether it was ended. */
function endless(size: number) {
  const state = { ended: false };
  const input: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: async () =>
        size === 0 ? new Promise<never>(() => {}) : { done: false, value: pool.subarray(0, size) },
      return: async () => {
        state.ended = true;
        return { done: true, value: undefined };
      },
    }),
  };
  return { input, state };
}

describe('hashedSource', () => {
  it('gives back bytes, digests and head of any content, whether its size was declared or not', async () => {
    const size = fc.oneof(
      fc.nat(10_000),
      fc.integer({ min: INLINE_HASH_BYTES - 2, max: INLINE_HASH_BYTES + 2 }),
      fc.integer({ min: 0, max: 300_000 }),
    );
    const chunk = fc.oneof(fc.integer({ min: 500, max: 70_000 }), fc.constant(INLINE_HASH_BYTES));
    await fc.assert(
      fc.asyncProperty(size, chunk, fc.boolean(), async (length, cut, declare) => {
        const bytes = pool.subarray(0, length);
        const source = await open(inChunks(bytes, cut), declare ? { size: length } : {});
        expect((await readAll(source)).equals(bytes)).toBe(true);
        expect(source.digests()).toEqual({
          size: length,
          sha256: digestOf('sha256', bytes),
          md5: digestOf('md5', bytes),
          sha1: digestOf('sha1', bytes),
        });
        expect(Buffer.from(source.head()).equals(bytes.subarray(0, 4100))).toBe(true);
        if (source.replayable) expect((await readAll(source)).equals(bytes)).toBe(true);
        if (source.size !== undefined) expect(source.size).toBe(length);
      }),
      { numRuns: 150 },
    );
  });

  it.each([100, INLINE_HASH_BYTES, INLINE_HASH_BYTES + 1, 200_000])(
    'checks what was declared of %i bytes',
    async (length) => {
      const bytes = pool.subarray(0, length);
      const read = async (expectation: Expectation) =>
        readAll(await open(inChunks(bytes, 30_000), expectation));
      await read({
        size: length,
        sha256: digestOf('sha256', bytes).toUpperCase(),
        md5: digestOf('md5', bytes),
      });
      const wrong = 'f'.repeat(64);
      await expect(read({ sha256: wrong })).rejects.toMatchObject({ code: 'ChecksumMismatch' });
      await expect(read({ md5: wrong.slice(32) })).rejects.toMatchObject({ code: 'ChecksumMismatch' });
      await expect(read({ sha1: wrong.slice(24) })).rejects.toMatchObject({ code: 'ChecksumMismatch' });
      for (const size of [0, length - 1, length + 1, length * 2]) {
        await expect(read({ size })).rejects.toMatchObject({
          code: 'InvalidArgument',
          details: { field: 'size' },
        });
      }
    },
  );

  it('stops reading a sender that sends more than it declared', async () => {
    const { input, state } = endless(50_000);
    await expect(readAll(await open(input, { size: 10 }))).rejects.toMatchObject({ code: 'InvalidArgument' });
    expect(state.ended).toBe(true);
  });

  it('does not wait for a silent sender once the signal fires, and ends it', async () => {
    const { input, state } = endless(0);
    const abort = new AbortController();
    const opening = open(input, {}, abort.signal);
    abort.abort();
    await expect(opening).rejects.toMatchObject({ code: 'Cancelled' });
    expect(state.ended).toBe(true);
  });

  it('ends its sender on cancel, where it was never opened', async () => {
    const { input, state } = endless(1000);
    const source = await open(input, { size: 10_000_000 });
    source.cancel();
    expect(state.ended).toBe(true);
    await expect(readAll(source)).rejects.toMatchObject({ code: 'Internal' });
  });

  it('is opened only once where the content comes only once, and knows no digests before its end', async () => {
    const source = await open(inChunks(pool, 10_000));
    expect(source.replayable).toBe(false);
    expect(() => source.digests()).toThrow(/before the content was read/);
    await readAll(source);
    await expect(readAll(source)).rejects.toMatchObject({ code: 'Internal' });
  });
});
