import { hash } from 'node:crypto';
import { orCancelled } from '../cancellation.ts';
import { OsproxyError } from '../errors.ts';
import type { Digests, Expectation } from '../model/blob.ts';
import { CONTENT_TYPE_HEAD_BYTES } from '../ports/content-typer.ts';
import type { ByteSource } from '../ports/storage-driver.ts';
import type { HashAlgorithm } from './hash-protocol.ts';
import type { HashWorkers } from './hash-workers.ts';
import { hashPipeline } from './pipeline.ts';

/**
 * Bodies up to this size are gathered and hashed inline: handing them to a thread costs more than hashing them here
 * (docs/performance.md has the measurement). Bytes.
 */
export const INLINE_HASH_BYTES = 64 * 1024;

export interface HashingOptions {
  /** SHA-256 is always computed; MD5 and SHA-1 when asked for. */
  readonly md5: boolean;
  readonly sha1: boolean;
  readonly expect: Expectation;
  /** Ends the wait for a silent sender while the first bytes are gathered. */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes on their way to a store, hashed as they pass. The source fails at its end when they are not what was declared. */
export interface HashedSource extends ByteSource {
  /** Valid once the source was read to its end. */
  digests(): Digests;
  /** The first bytes of the content, for type detection; valid once the source was read to its end. */
  head(): Uint8Array;
  /** Tells the sender that nobody wants the content; does nothing once the source was opened, which then ends it itself. */
  cancel(): void;
}

/** Reads as much as is needed to choose the way: inline for small bodies, worker threads beside the event loop for the rest. */
export async function hashedSource(
  input: AsyncIterable<Uint8Array>,
  options: HashingOptions,
  workers: HashWorkers,
): Promise<HashedSource> {
  const iterator = input[Symbol.asyncIterator]();
  const declared = options.expect.size;
  if (declared !== undefined && declared > INLINE_HASH_BYTES) {
    return new ThreadedSource(new Uint8Array(0), iterator, options, workers);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const next = await orCancelled(iterator.next(), options.signal);
      if (next.done === true) break;
      chunks.push(new Uint8Array(next.value));
      size += next.value.byteLength;
      if (size > INLINE_HASH_BYTES) {
        return new ThreadedSource(Buffer.concat(chunks), iterator, options, workers);
      }
    }
  } catch (error) {
    endInput(iterator);
    throw error;
  }
  const only = chunks.length === 1 ? chunks[0] : undefined;
  return new InlineSource(only ?? Buffer.concat(chunks), options);
}

/** Not awaited: a slow sender may keep the last next() pending, and nobody is interested any more. */
function endInput(input: AsyncIterator<Uint8Array>): void {
  input.return?.().then(undefined, () => {});
}

class InlineSource implements HashedSource {
  readonly size: number;
  readonly replayable = true;
  readonly #bytes: Uint8Array;
  readonly #digests: Digests;

  /** Throws at once when the bytes are not what was declared. */
  constructor(bytes: Uint8Array, options: HashingOptions) {
    this.#bytes = bytes;
    this.size = bytes.byteLength;
    this.#digests = {
      size: bytes.byteLength,
      sha256: hash('sha256', bytes),
      md5: options.md5 ? hash('md5', bytes) : undefined,
      sha1: options.sha1 ? hash('sha1', bytes) : undefined,
    };
    checkExpectation(this.#digests, options.expect);
  }

  async *open(): AsyncIterable<Uint8Array> {
    if (this.#bytes.byteLength > 0) yield this.#bytes;
  }

  digests(): Digests {
    return this.#digests;
  }

  head(): Uint8Array {
    return this.#bytes.subarray(0, CONTENT_TYPE_HEAD_BYTES);
  }

  cancel(): void {}
}

class ThreadedSource implements HashedSource {
  readonly size: number | undefined;
  readonly replayable = false;
  readonly #first: Uint8Array;
  readonly #rest: AsyncIterator<Uint8Array>;
  readonly #options: HashingOptions;
  readonly #workers: HashWorkers;
  #opened = false;
  #digests: Digests | undefined;
  #head: Uint8Array = new Uint8Array(0);

  constructor(
    first: Uint8Array,
    rest: AsyncIterator<Uint8Array>,
    options: HashingOptions,
    workers: HashWorkers,
  ) {
    this.size = options.expect.size;
    this.#first = first;
    this.#rest = rest;
    this.#options = options;
    this.#workers = workers;
  }

  async *open(): AsyncIterable<Uint8Array> {
    if (this.#opened) throw new OsproxyError('Internal', 'A content that comes only once was opened twice.');
    this.#opened = true;
    const algorithms: HashAlgorithm[] = ['sha256'];
    if (this.#options.md5) algorithms.push('md5');
    if (this.#options.sha1) algorithms.push('sha1');
    let size = 0;
    const pipeline = hashPipeline(this.#first, this.#rest, algorithms, this.#workers);
    for await (const chunk of pipeline.chunks) {
      if (this.#head.byteLength < CONTENT_TYPE_HEAD_BYTES) {
        this.#head = Buffer.concat([
          this.#head,
          chunk.subarray(0, CONTENT_TYPE_HEAD_BYTES - this.#head.byteLength),
        ]);
      }
      size += chunk.byteLength;
      if (this.size !== undefined && size > this.size) checkSize(size, this.size);
      yield chunk;
    }
    const hex = await pipeline.digests();
    this.#digests = { size, sha256: hex.get('sha256') ?? '', md5: hex.get('md5'), sha1: hex.get('sha1') };
    checkExpectation(this.#digests, this.#options.expect);
  }

  digests(): Digests {
    if (this.#digests === undefined) {
      throw new OsproxyError(
        'Internal',
        'The digests were asked for before the content was read to its end.',
      );
    }
    return this.#digests;
  }

  head(): Uint8Array {
    return this.#head;
  }

  cancel(): void {
    if (this.#opened) return;
    this.#opened = true;
    endInput(this.#rest);
  }
}

function checkSize(actual: number, declared: number): void {
  if (actual === declared) return;
  const relation = actual > declared ? 'at least ' : '';
  throw new OsproxyError(
    'InvalidArgument',
    `The content has ${relation}${actual} bytes, but ${declared} were declared.`,
    {
      details: { field: 'size', declared, received: actual },
    },
  );
}

/** Throws InvalidArgument or ChecksumMismatch naming the first declared fact that the bytes do not meet. */
export function checkExpectation(digests: Digests, expect: Expectation): void {
  if (expect.size !== undefined) checkSize(digests.size, expect.size);
  for (const algorithm of ['sha256', 'md5', 'sha1'] as const) {
    const declared = expect[algorithm];
    const actual = digests[algorithm];
    if (declared === undefined || actual === undefined || declared.toLowerCase() === actual) continue;
    throw new OsproxyError(
      'ChecksumMismatch',
      `The ${algorithm} of the received content is ${actual}, but ${declared} was declared; send the content again.`,
      { details: { algorithm, declared, received: actual } },
    );
  }
}
