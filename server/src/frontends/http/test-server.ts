import { connect, type Socket } from 'node:net';
import { pino } from 'pino';
import type { Downloads, FileBody } from '#core/downloads.ts';
import { OsproxyError } from '#core/errors.ts';
import type { FileContent } from '#core/model/file.ts';
import type { Principal, Scope } from '#core/model/principal.ts';
import type { ByteRange } from '#core/ports/storage-driver.ts';
import {
  type CreatedHttpServer,
  createHttpServer,
  type HttpServer,
  type HttpServerOptions,
} from './server.ts';
import type { HttpTelemetry } from './telemetry.ts';

export const PUBLIC = { config: { access: { kind: 'public' } } } as const;

/** Counts what it is told, for tests to look at. */
class CountingTelemetry implements HttpTelemetry {
  readonly requests: { method: string; route: string; status: number }[] = [];
  in = 0;
  out = 0;
  openIn = 0;
  openOut = 0;

  httpRequest(method: string, route: string, status: number): void {
    this.requests.push({ method, route, status });
  }
  storageOperation(): void {}
  taskAttempt(): void {}
  relocated(): void {}
  scrubbed(): void {}
  lookedAt(): void {}
  eventAppended(): void {}
  eventTold(): void {}
  usageRecorded(): void {}
  transferred(direction: 'in' | 'out', bytes: number): void {
    this[direction] += bytes;
  }
  transferOpened(direction: 'in' | 'out'): () => void {
    const key = direction === 'in' ? 'openIn' : 'openOut';
    this[key] += 1;
    let open = true;
    return () => {
      if (open) this[key] -= 1;
      open = false;
    };
  }
}

export interface TestServer extends CreatedHttpServer {
  readonly port: number;
  readonly origin: string;
  readonly telemetry: CountingTelemetry;
  /** Log lines so far, parsed. */
  readonly lines: Record<string, unknown>[];
}

/** Keys of the tests: `key-<scope>` is good, anything else is not; links: `link-<uid>`. */
async function authenticate(credentials: { apiKey?: string; linkToken?: string }): Promise<Principal> {
  const { apiKey, linkToken } = credentials;
  if (apiKey?.startsWith('key-')) {
    const scope = apiKey.slice(4) as Scope;
    return { kind: 'service', keyId: `id-${scope}`, owner: 'tester', scopes: new Set([scope]) };
  }
  if (linkToken?.startsWith('link-')) {
    const uid = linkToken.slice(5);
    return { kind: 'link', linkId: `id-${uid}`, uid, scope: 'read', disposition: 'inline' };
  }
  throw new OsproxyError('Unauthenticated', 'This key or link is not valid.');
}

/** A listening server with the routes that `prepare` adds; close it with `app.close()`. */
export async function startServer(
  prepare: (app: HttpServer) => void | Promise<void>,
  options: Partial<HttpServerOptions> = {},
): Promise<TestServer> {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const telemetry = new CountingTelemetry();
  const created = await createHttpServer({
    logger,
    telemetry,
    authenticator: { authenticate },
    cors: { origin: true },
    trustedProxies: [],
    ...options,
  });
  await prepare(created.app);
  const origin = await created.app.listen({ host: '127.0.0.1', port: 0 });
  return { ...created, origin, port: Number(new URL(origin).port), telemetry, lines };
}

/** A connection that says exactly what it is told and keeps everything it hears. */
export class RawClient {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  readonly closed: Promise<void>;

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port });
    this.socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
  }

  get received(): string {
    return this.#received.toString('latin1');
  }

  send(text: string | Buffer): this {
    this.socket.write(text);
    return this;
  }

  /** Rejects when the text was not heard in time. */
  async hears(text: string, withinMs = 3000): Promise<string> {
    await until(
      () => this.received.includes(text),
      () => `${JSON.stringify(text)} in ${JSON.stringify(this.received.slice(0, 2000))}`,
      withinMs,
    );
    return this.received;
  }
}

export async function until(
  condition: () => boolean,
  what: string | (() => string),
  withinMs = 3000,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > end)
      throw new Error(`Waited ${withinMs} ms in vain for ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function fileOf(size: number, changes: Partial<FileContent['file']> = {}): FileContent {
  const at = Date.UTC(2024, 0, 2, 3, 4, 5, 678);
  return {
    file: {
      uid: '123456789012345678',
      owner: 'tester',
      name: 'a.bin',
      contentType: 'application/octet-stream',
      size,
      state: 'ready',
      rejectedReason: undefined,
      manifestId: 'm',
      generation: 1,
      linkEpoch: 0,
      md5: undefined,
      sha256: undefined,
      verified: true,
      createdAt: at,
      updatedAt: at,
      deletedAt: undefined,
      ...changes,
    },
    parts: [],
  };
}

/** Byte `n` of every test content. */
function byteAt(offset: number): number {
  return (offset * 31 + (offset >>> 8) * 7) & 0xff;
}

export function bytesOf(offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let index = 0; index < length; index += 1) bytes[index] = byteAt(offset + index);
  return bytes;
}

/** Serves generated bytes from one buffer that it uses again and again, and counts what is open. */
export class FakeDownloads implements Pick<Downloads, 'read'> {
  opened = 0;
  closed = 0;
  chunksMade = 0;
  /** Bytes per chunk. */
  chunkSize = 64 * 1024;
  /** Contents up to this length are given at once. */
  inMemory = 0;
  /** Throws after this many bytes. */
  failAfter = Number.POSITIVE_INFINITY;
  /** Ends after this many bytes. */
  endAfter = Number.POSITIVE_INFINITY;
  /** Never gives a chunk after this many bytes, until it is closed or its signal fires. */
  hangAfter = Number.POSITIVE_INFINITY;

  get open(): number {
    return this.opened - this.closed;
  }

  async read(content: FileContent, range: ByteRange | undefined, signal?: AbortSignal): Promise<FileBody> {
    const { offset, length } = range ?? { offset: 0, length: content.file.size };
    this.opened += 1;
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isOpen = true;
    const close = async (): Promise<void> => {
      if (isOpen) this.closed += 1;
      isOpen = false;
      release();
    };
    const chunks = this.#chunks(offset, length, signal, released, close);
    return length <= this.inMemory
      ? { length, bytes: bytesOf(offset, length), chunks, close }
      : { length, chunks, close };
  }

  async *#chunks(
    offset: number,
    length: number,
    signal: AbortSignal | undefined,
    released: Promise<void>,
    close: () => Promise<void>,
  ): AsyncGenerator<Uint8Array> {
    const shared = Buffer.allocUnsafe(this.chunkSize);
    try {
      for (let done = 0; done < length; ) {
        signal?.throwIfAborted();
        if (done >= this.failAfter) throw new OsproxyError('Unavailable', 'The store went away.');
        if (done >= this.endAfter) return;
        if (done >= this.hangAfter) {
          await released;
          throw new OsproxyError('Cancelled', 'Closed while reading.');
        }
        const size = Math.min(this.chunkSize, length - done);
        for (let index = 0; index < size; index += 1) shared[index] = byteAt(offset + done + index);
        this.chunksMade += 1;
        yield shared.subarray(0, size);
        // Whoever still holds the chunk now holds garbage.
        shared.fill(0);
        done += size;
      }
    } finally {
      await close();
    }
  }
}
