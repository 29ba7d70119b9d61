import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { OsproxyError } from '#core/errors.ts';
import type { ByteSource } from '#core/ports/storage-driver.ts';
import type { Exchange } from './exchange.ts';
import { HttpError } from './http-error.ts';

export interface ReceiveOptions {
  /** Throws TooLarge past this many bytes; before the first one where Content-Length tells. */
  readonly maxBytes: number;
  /** Milliseconds without a byte, while somebody waits for one, after which it throws Cancelled. */
  readonly idleTimeoutMs: number;
  /** The consumer keeps chunks after it asked for the next. Default: their memory is given back at that moment. */
  readonly keepsChunks?: boolean;
}

/** A request body on its way in; can be read once. A chunk is valid only until the next is asked for. */
export interface ReceivedBody extends ByteSource, AsyncIterable<Buffer> {
  readonly replayable: false;
  open(): AsyncIterable<Buffer>;
}

/** Bytes held for a slow consumer before the client is slowed down. */
const HIGH_WATER_BYTES = 256 * 1024;

/** Leaves every body of the routes of this scope to receiveBody or receiveFormFile, whatever type its Content-Type names. */
export function leaveBodiesToRoutes(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

/**
 * The raw body with backpressure. Reading throws TooLarge past the limit, Cancelled when the client went away, sent less than it
 * promised or went silent, Unavailable when the server gives up while it drains. Nothing is read, and a waiting client is not told
 * to go on, before the iteration starts. Throws Unsupported at once for an encoded body.
 */
export function receiveBody(request: FastifyRequest, options: ReceiveOptions): ReceivedBody {
  const { raw } = request;
  const encoding = raw.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new OsproxyError(
      'Unsupported',
      `Content-Encoding "${encoding}" is not understood: send the bytes as they are.`,
    );
  }
  const declared = raw.headers['content-length'];
  const size = declared === undefined ? undefined : Number(declared);
  if (size !== undefined && size > options.maxBytes) throw tooLarge(options.maxBytes);
  const open = (): AsyncIterable<Buffer> => ({
    [Symbol.asyncIterator]: () => new BodyReader(request, size, options),
  });
  return { size, replayable: false, open, [Symbol.asyncIterator]: () => open()[Symbol.asyncIterator]() };
}

export function tooLarge(maxBytes: number): OsproxyError {
  return new OsproxyError(
    'TooLarge',
    `The body is larger than the ${maxBytes} bytes that are allowed here.`,
    {
      details: { maxBytes },
    },
  );
}

const TAKEN = new WeakSet<IncomingMessage>();

class BodyReader implements AsyncIterator<Buffer> {
  readonly #request: IncomingMessage;
  readonly #exchange: Exchange;
  readonly #size: number | undefined;
  readonly #options: ReceiveOptions;
  readonly #closeTransfer: () => void;
  readonly #count: (bytes: number) => void;
  #queue: Buffer[] = [];
  #queued = 0;
  #lent: Buffer | undefined;
  #received = 0;
  #ended = false;
  #detached = false;
  #failure: OsproxyError | undefined;
  #wake: (() => void) | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(request: FastifyRequest, size: number | undefined, options: ReceiveOptions) {
    const { raw } = request;
    if (TAKEN.has(raw)) throw new OsproxyError('Internal', 'A request body was read twice.');
    TAKEN.add(raw);
    this.#request = raw;
    this.#exchange = request.exchange;
    this.#size = size;
    this.#options = options;
    const { telemetry } = request.server;
    this.#closeTransfer = telemetry.transferOpened('in');
    this.#count = (bytes) => telemetry.transferred('in', bytes);
    this.#exchange.receiving = true;
    raw.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose).on('error', this.#onClose);
    this.#exchange.onGone(this.#onGone);
    if (raw.destroyed && !raw.readableEnded) this.#onClose();
  }

  async next(): Promise<IteratorResult<Buffer>> {
    this.#release();
    for (;;) {
      const chunk = this.#queue.shift();
      if (chunk !== undefined) {
        this.#lent = chunk;
        this.#queued -= chunk.length;
        if (this.#queued < HIGH_WATER_BYTES / 2 && this.#request.isPaused()) this.#request.resume();
        return { done: false, value: chunk };
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return { done: true, value: undefined };
      await this.#arrival();
    }
  }

  /** Leaves the rest of the body unread; the answer then ends the connection. */
  async return(): Promise<IteratorResult<Buffer>> {
    this.#queue = [];
    this.#ended = true;
    this.#detach();
    return { done: true, value: undefined };
  }

  /** Chunks have memory of their own outside the heap; left to the collector, tens of megabytes of it would pile up. */
  #release(): void {
    const lent = this.#lent;
    this.#lent = undefined;
    if (lent === undefined || this.#options.keepsChunks === true) return;
    const memory = lent.buffer;
    if (memory instanceof ArrayBuffer && memory.byteLength === lent.byteLength) memory.transfer(0);
  }

  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#idle === undefined) this.#idle = setTimeout(this.#onIdle, this.#options.idleTimeoutMs);
      else this.#idle.refresh();
    });
  }

  readonly #onIdle = (): void => {
    if (this.#wake === undefined) return;
    const seconds = this.#options.idleTimeoutMs / 1000;
    const message = `No byte of the body came for ${seconds} seconds, after ${this.#received} bytes.`;
    this.#fail(new HttpError(408, 'Cancelled', message));
  };

  readonly #onData = (chunk: Buffer): void => {
    this.#received += chunk.length;
    this.#exchange.bytesIn = this.#received;
    this.#count(chunk.length);
    if (this.#received > this.#options.maxBytes) {
      this.#fail(tooLarge(this.#options.maxBytes));
      return;
    }
    this.#queue.push(chunk);
    this.#queued += chunk.length;
    if (this.#queued >= HIGH_WATER_BYTES) this.#request.pause();
    this.#notify();
  };

  readonly #onEnd = (): void => {
    if (this.#request.complete && (this.#size === undefined || this.#received === this.#size)) {
      this.#ended = true;
      this.#detach();
      this.#notify();
    } else {
      this.#onClose();
    }
  };

  readonly #onClose = (): void => {
    const promised = this.#size === undefined ? '' : ` of ${this.#size}`;
    const message = `The connection closed before the body was complete: ${this.#received}${promised} bytes came.`;
    this.#fail(new OsproxyError('Cancelled', message));
  };

  readonly #onGone = (): void => {
    // As after nearly every request; an error with its stack is not made for nothing.
    if (this.#ended) return;
    this.#fail(
      this.#exchange.reason ??
        new OsproxyError('Cancelled', 'The request was answered before its body was read.'),
    );
  };

  /** Bytes that came before a failure are not handed out: nothing of a broken body may be taken for the whole. */
  #fail(failure: OsproxyError): void {
    if (this.#ended || this.#failure !== undefined) return;
    this.#failure = failure;
    this.#queue = [];
    this.#detach();
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #detach(): void {
    if (this.#detached) return;
    this.#detached = true;
    clearTimeout(this.#idle);
    this.#closeTransfer();
    this.#exchange.receiving = false;
    const request = this.#request;
    request.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose);
    if (!request.readableEnded) request.pause();
  }
}
