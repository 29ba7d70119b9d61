import type { IncomingMessage } from 'node:http';
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { OsproxyError } from '#core/errors.ts';
import type { ByteRange, StoredObject } from '#core/ports/storage-driver.ts';
import { cancelled, throwIfCancelled } from '../abort.ts';
import { resolveRange } from '../ranges.ts';
import { brokenOff, translate } from './errors.ts';
import type { S3Connection } from './s3-connection.ts';

/** A range up to this size is read when it is opened, so that no connection stays taken for it. */
const READ_AT_ONCE_BYTES = 64 * 1024;

/** Rejects with NotFound or RangeNotSatisfiable before the first byte. */
export async function openObject(
  connection: S3Connection,
  key: string,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<StoredObject> {
  throwIfCancelled(signal);
  if (range !== undefined) assertRange(range);
  const command = new GetObjectCommand({
    Bucket: connection.bucket,
    Key: connection.nameOf(key),
    ...(range && { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` }),
  });
  const answer = await connection.once
    .send(command, signal === undefined ? {} : { abortSignal: signal })
    .catch((error: unknown): never => {
      throw signal?.aborted ? cancelled(signal) : translate(error);
    });
  const body = answer.Body as unknown as IncomingMessage;
  try {
    const size = sizeOf(answer, range);
    const { length } = resolveRange(range, size);
    const reader = new ObjectReader(body, size, length, connection.idleMs, signal);
    return length <= READ_AT_ONCE_BYTES ? await readAtOnce(reader, size, length, signal) : reader;
  } catch (error) {
    body.destroy();
    throw error;
  }
}

/** Refuses what is no range at all; whether it lies inside the object only the store knows. */
function assertRange({ offset, length }: ByteRange): void {
  if (Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length > 0) return;
  throw new OsproxyError(
    'RangeNotSatisfiable',
    `A range begins at byte 0 or later and has at least one byte; this one is ${length} bytes from byte ${offset}.`,
    { details: { offset, length } },
  );
}

/** Bytes of the whole object, from an answer that gives the range that was asked for. */
function sizeOf(answer: GetObjectCommandOutput, range: ByteRange | undefined): number {
  if (range === undefined) {
    if (answer.ContentLength !== undefined) return answer.ContentLength;
    throw new OsproxyError('Internal', 'The store gave an object without saying how large it is.');
  }
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.ContentRange ?? '') ?? [];
  if (first !== undefined && total !== undefined && Number(first) === range.offset) return Number(total);
  throw new OsproxyError('Internal', 'The store gave other bytes than the range that was asked for.');
}

async function readAtOnce(
  reader: ObjectReader,
  size: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<StoredObject> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let position = 0;
  for await (const chunk of reader.chunks) {
    bytes.set(chunk, position);
    position += chunk.length;
  }
  return { size, bytes, chunks: oneChunk(bytes, signal), close: async () => {} };
}

async function* oneChunk(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  throwIfCancelled(signal);
  if (bytes.length > 0) yield bytes;
}

/** The bytes of one answer, as many as were promised or an error. */
class ObjectReader implements StoredObject {
  readonly size: number;
  readonly chunks: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => this.#iterator };
  readonly #body: IncomingMessage;
  readonly #length: number;
  readonly #idleMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #source: AsyncIterator<Uint8Array>;
  #received = 0;
  #state: 'open' | 'ended' | 'closed' = 'open';

  constructor(
    body: IncomingMessage,
    size: number,
    length: number,
    idleMs: number,
    signal: AbortSignal | undefined,
  ) {
    this.size = size;
    this.#body = body;
    this.#length = length;
    this.#idleMs = idleMs;
    this.#signal = signal;
    this.#source = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    if (signal?.aborted) body.destroy();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  async close(): Promise<void> {
    if (this.#state === 'open') this.#end('closed');
  }

  readonly #onAbort = (): void => {
    this.#body.destroy();
  };

  readonly #iterator: AsyncIterator<Uint8Array> = {
    next: () => this.#next(),
    return: async () => {
      if (this.#state !== 'closed') this.#end('ended');
      return { done: true, value: undefined };
    },
  };

  async #next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#state === 'ended') return { done: true, value: undefined };
    try {
      const chunk = await this.#pull();
      if (chunk === undefined) {
        this.#end('ended');
        return { done: true, value: undefined };
      }
      return { done: false, value: chunk };
    } catch (error) {
      const failure = this.#explain(error);
      this.#end('ended');
      throw failure;
    }
  }

  async #pull(): Promise<Uint8Array | undefined> {
    throwIfCancelled(this.#signal);
    if (this.#state === 'closed') throw new Error('The object was closed.');
    const timer = setTimeout(() => {
      this.#body.destroy(Object.assign(new Error('The object stalled.'), { name: 'TimeoutError' }));
    }, this.#idleMs);
    try {
      const result = await this.#source.next();
      throwIfCancelled(this.#signal);
      if (result.done) {
        if (this.#received === this.#length) return undefined;
        throw brokenOff(`The object ended after ${this.#received} of ${this.#length} bytes.`);
      }
      this.#received += result.value.length;
      if (this.#received <= this.#length) return result.value;
      throw new OsproxyError('Internal', 'The store gave more bytes than it promised.');
    } finally {
      clearTimeout(timer);
    }
  }

  #explain(error: unknown): OsproxyError {
    if (this.#signal?.aborted) return cancelled(this.#signal);
    if (this.#state === 'closed') {
      return new OsproxyError('Cancelled', 'The object was closed while it was read.', { cause: error });
    }
    if (error instanceof OsproxyError) return error;
    const { code, message } = translate(error);
    if (code === 'Unavailable') return new OsproxyError(code, message, { cause: error });
    return brokenOff(`The object broke off after ${this.#received} of ${this.#length} bytes.`, error);
  }

  #end(state: 'ended' | 'closed'): void {
    this.#state = state;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    // A body that was read to its end gives its connection back; any other ends with it.
    if (this.#received < this.#length || !this.#body.readableEnded) this.#body.destroy();
  }
}
