import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { type Agents, kept, readingAgents } from './reading-agents.ts';
import { piecesOf } from './request-body.ts';

export interface HttpTimeouts {
  /** Until a connection stands, with TLS. */
  readonly connectMs: number;
  /** From the last byte of the request to the first of the answer. */
  readonly firstByteMs: number;
  /** Without a byte moving while one is due from the store, or due to be taken by it. */
  readonly idleMs: number;
}

export interface HttpHandlerOptions {
  readonly timeouts: HttpTimeouts;
  readonly maxSockets: number;
  readonly keepAliveMs: number;
  readonly lookup: LookupFunction | undefined;
}

type SdkHandler = Extract<NonNullable<S3ClientConfig['requestHandler']>, { handle: unknown }>;
type SdkRequest = Parameters<SdkHandler['handle']>[0];
type SdkAnswer = Awaited<ReturnType<SdkHandler['handle']>>;

/** Copies and joins happen inside the store before it answers. */
const SLOW_ANSWER_FACTOR = 4;

/** A body up to this size goes out with the headers: the network takes it without waiting for the store. */
const AT_ONCE_BYTES = 16 * 1024;

/**
 * Carries the SDK's requests over node:http. It differs from the SDK's own handler in its timers, which run only while the store is to act,
 * never while a slow source or a slow reader is.
 */
export class HttpHandler {
  readonly metadata = { handlerProtocol: 'http/1.1' };
  readonly #timeouts: HttpTimeouts;
  readonly #agents: Agents;

  constructor(options: HttpHandlerOptions) {
    const { keepAliveMs, maxSockets, lookup } = options;
    // An agent's timeout ends only connections that nobody uses.
    const settings = { keepAlive: true, timeout: keepAliveMs, maxSockets, ...(lookup && { lookup }) };
    this.#timeouts = options.timeouts;
    this.#agents = readingAgents(settings);
  }

  handle(request: SdkRequest, options: { readonly abortSignal?: unknown } = {}): Promise<SdkAnswer> {
    const secure = request.protocol === 'https:';
    const { firstByteMs } = this.#timeouts;
    const slow = request.method === 'POST' || 'x-amz-copy-source' in request.headers;
    const timeouts = slow
      ? { ...this.#timeouts, firstByteMs: firstByteMs * SLOW_ANSWER_FACTOR }
      : this.#timeouts;
    const outgoing = (secure ? httpsRequest : httpRequest)({
      agent: secure ? this.#agents.https : this.#agents.http,
      host: request.hostname.replace(/^\[|\]$/g, ''),
      port: request.port,
      method: request.method,
      path: request.path + queryOf(request.query),
      headers: request.headers,
    });
    const signal = options.abortSignal instanceof AbortSignal ? options.abortSignal : undefined;
    return new Exchange(outgoing, secure, timeouts, signal).run(request.body);
  }

  updateHttpClientConfig(): void {
    // Everything is set when the handler is made.
  }

  httpHandlerConfigs(): Record<string, never> {
    return {};
  }

  destroy(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }
}

/** One request and its answer. */
class Exchange {
  readonly #outgoing: ClientRequest;
  readonly #secure: boolean;
  readonly #timeouts: HttpTimeouts;
  readonly #signal: AbortSignal | undefined;
  readonly #outcome = Promise.withResolvers<SdkAnswer>();
  #timer: NodeJS.Timeout | undefined;
  #settled = false;
  #written = false;
  #flushed: (() => void) | undefined;

  constructor(
    outgoing: ClientRequest,
    secure: boolean,
    timeouts: HttpTimeouts,
    signal: AbortSignal | undefined,
  ) {
    this.#outgoing = outgoing;
    this.#secure = secure;
    this.#timeouts = timeouts;
    this.#signal = signal;
  }

  run(body: unknown): Promise<SdkAnswer> {
    const { firstByteMs, connectMs } = this.#timeouts;
    this.#outgoing.on('error', (error) => this.#fail(error));
    this.#outgoing.on('response', (response) => this.#answer(response));
    this.#within(firstByteMs, 'No connection to the store became free in time.');
    this.#outgoing.on('socket', (socket: Socket) => {
      if (!socket.connecting) return void this.#write(body);
      this.#within(connectMs, 'The connection to the store took too long.');
      socket.once(this.#secure ? 'secureConnect' : 'connect', () => void this.#write(body));
    });
    if (this.#signal?.aborted) this.#onAbort();
    else this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    return this.#outcome.promise;
  }

  readonly #onAbort = (): void => {
    this.#fail(
      Object.assign(new Error('Request aborted'), { name: 'AbortError', cause: this.#signal?.reason }),
    );
  };

  async #write(body: unknown): Promise<void> {
    const { idleMs, firstByteMs } = this.#timeouts;
    clearTimeout(this.#timer);
    if (body instanceof Uint8Array && body.length <= AT_ONCE_BYTES && !this.#settled) {
      this.#written = true;
      this.#within(firstByteMs, 'The store did not answer in time.');
      this.#outgoing.end(body);
      return;
    }
    try {
      for await (const piece of piecesOf(body)) {
        if (this.#settled) return;
        this.#within(idleMs, 'The store stopped taking the bytes of the request.');
        await this.#flush(piece);
        clearTimeout(this.#timer);
      }
    } catch (error) {
      return this.#fail(error);
    }
    if (this.#settled) return;
    this.#written = true;
    this.#within(firstByteMs, 'The store did not answer in time.');
    this.#outgoing.end();
  }

  /** Resolves when the bytes have left for the network, or when nobody waits for them any more. */
  #flush(piece: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#flushed = resolve;
      this.#outgoing.write(piece, () => resolve());
    });
  }

  #within(milliseconds: number, message: string): void {
    clearTimeout(this.#timer);
    if (this.#settled) return;
    this.#timer = setTimeout(() => {
      this.#fail(Object.assign(new Error(message), { name: 'TimeoutError' }));
    }, milliseconds);
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }

  #fail(error: unknown): void {
    if (!this.#settle()) return;
    this.#outgoing.destroy();
    this.#flushed?.();
    this.#outcome.reject(error);
  }

  #answer(response: IncomingMessage): void {
    if (!this.#settle()) return void response.destroy();
    this.#flushed?.();
    // An answer before the end of the request leaves a connection that cannot be used again.
    if (!this.#written) response.once('close', () => this.#outgoing.destroy());
    // What goes wrong later reaches whoever reads the body; without a listener it would end the process.
    response.on('error', () => undefined);
    this.#outcome.resolve({
      response: {
        statusCode: response.statusCode ?? 0,
        reason: response.statusMessage ?? '',
        headers: flatten(response.headers),
        body: response,
      },
    });
  }
}

/** Reads a whole body; rejects when it stalls for `idleMs`, breaks off or grows over `maxBytes`. */
export async function collect(stream: unknown, idleMs: number, maxBytes: number): Promise<Uint8Array> {
  if (stream === undefined || stream === null) return new Uint8Array(0);
  const body = stream as IncomingMessage;
  const chunks: Buffer[] = [];
  let size = 0;
  const stall = (): NodeJS.Timeout =>
    setTimeout(() => {
      body.destroy(Object.assign(new Error('The answer of the store stalled.'), { name: 'TimeoutError' }));
    }, idleMs);
  let timer = stall();
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      clearTimeout(timer);
      size += chunk.length;
      if (size > maxBytes) throw new Error(`The answer of the store is longer than ${maxBytes} bytes.`);
      chunks.push(kept(chunk));
      timer = stall();
    }
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks, size);
}

function flatten(headers: IncomingMessage['headers']): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

function queryOf(query: SdkRequest['query']): string {
  const pairs: string[] = [];
  for (const name of Object.keys(query ?? {}).sort()) {
    const value = query?.[name];
    for (const one of Array.isArray(value) ? value : [value]) {
      pairs.push(
        one === null || one === undefined
          ? percentEncoded(name)
          : `${percentEncoded(name)}=${percentEncoded(one)}`,
      );
    }
  }
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

/** As the signature spells it (RFC 3986). */
function percentEncoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
