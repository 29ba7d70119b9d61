import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a client goes away: orderly close, close of its sending side alone, or a reset. */
export type Leaving = 'close' | 'half-close' | 'reset';
export const LEAVINGS: readonly Leaving[] = ['close', 'half-close', 'reset'];

/** One connection on which exactly the given bytes are sent. */
export class RawClient {
  readonly socket: Socket;
  /** Resolves when the connection is over, whoever ended it. */
  readonly closed: Promise<void>;
  readonly #chunks: Buffer[] = [];
  /** Bytes that came so far, heads of answers included. */
  bytes = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.bytes += chunk.length;
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static async open(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    const client = new RawClient(socket);
    await once(socket, 'connect');
    return client;
  }

  get received(): string {
    return Buffer.concat(this.#chunks).toString('latin1');
  }

  /** Statuses of the answers so far. */
  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
  }

  async send(bytes: string | Uint8Array): Promise<void> {
    if (!this.socket.writable) return;
    if (!this.socket.write(bytes))
      await Promise.race([once(this.socket, 'drain').catch(() => {}), this.closed]);
  }

  leave(how: Leaving): void {
    if (how === 'reset') this.socket.resetAndDestroy();
    else if (how === 'close') this.socket.destroySoon();
    else this.socket.end();
  }

  /** Rejects when the server keeps the connection longer. */
  async closedWithin(ms: number): Promise<void> {
    const late = Symbol('late');
    const first = await Promise.race([this.closed, sleep(ms, late, { ref: false })]);
    if (first === late)
      throw new Error(`Still connected after ${ms} ms; received: ${this.received.slice(0, 300)}`);
  }
}

export function head(
  method: string,
  path: string,
  headers: Readonly<Record<string, string | number>>,
): Buffer {
  const lines = Object.entries({ host: 'osproxy', ...headers }).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
}

export const BOUNDARY = 'a-boundary-of-these-tests';

/** A form with one file in field `file`. */
export function form(bytes: Uint8Array): Buffer {
  const lead = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="f.bin"\r\n\r\n`;
  return Buffer.concat([Buffer.from(lead), bytes, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
}

/** The bytes in HTTP chunks of this size, with the last one. */
export function chunked(bytes: Uint8Array, size: number): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), Buffer.from(piece), Buffer.from('\r\n'));
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
}
