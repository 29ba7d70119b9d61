import { createCipheriv, createHash } from 'node:crypto';

/** The seed of this run: OSPROXY_TEST_SEED where it is set, else a new one. It is printed, so that a failure can be repeated. */
export function testSeed(): number {
  const given = process.env.OSPROXY_TEST_SEED;
  const seed = given === undefined || given === '' ? Date.now() % 1_000_000_007 : Number(given);
  if (!Number.isSafeInteger(seed))
    throw new Error(`OSPROXY_TEST_SEED must be a whole number, not "${given}".`);
  console.log(`OSPROXY_TEST_SEED=${seed}`);
  return seed;
}

/** A small generator (mulberry32) whose choices follow from its seed alone. */
export class Random {
  #state: number;

  constructor(seed: number, ...path: readonly number[]) {
    const digest = createHash('sha256')
      .update([seed, ...path].join('/'))
      .digest();
    this.#state = digest.readUInt32LE(0);
  }

  /** From 0 up to, but not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(choices: readonly T[]): T | undefined {
    return choices[this.between(0, choices.length - 1)];
  }
}

/** Bytes that are known by two numbers, so that a model may hold thousands of them. */
export interface Content {
  readonly seed: number;
  readonly size: number;
  /** Set where the bytes are those of several contents, one after the other; the seed then means nothing. */
  readonly parts?: readonly Content[];
}

export function bytesOf({ seed, size, parts }: Content): Buffer {
  if (parts !== undefined) return Buffer.concat(parts.map(bytesOf));
  const key = createHash('sha256').update(`content ${seed}`).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
