import type { ReadBuffers } from '../../read-buffers/read-buffers.ts';
import { type ParsedHead, parseHead } from './answer-head.ts';
import type { Receiver } from './connection.ts';
import type { Connections, Lent } from './connections.ts';
import { Pieces } from './pieces.ts';
import type { FromThread, PeerRequest, PeerTimeouts } from './protocol.ts';

/** An answer up to this length is told whole, so that no connection stays taken for a slow reader. */
const WHOLE_BYTES = 64 * 1024;
const LONGEST_HEAD = 16 * 1024;

export interface ExchangeOptions {
  readonly id: number;
  readonly request: PeerRequest;
  readonly timeouts: PeerTimeouts;
  readonly connections: Connections;
  readonly buffers: ReadBuffers;
  readonly tell: (message: FromThread, memory?: ArrayBuffer) => void;
  readonly onOver: () => void;
}

/** One request and its answer. */
export class Exchange implements Receiver {
  readonly #options: ExchangeOptions;
  readonly #lent: Lent;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  /** What came of the head. */
  #begun: Buffer | undefined;
  #head: ParsedHead | undefined;
  #whole: Buffer | undefined;
  #pieces: Pieces | undefined;
  #length = 0;
  #arrived = 0;
  #arrivedAt = 0;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    const { address, method, target, authorization } = options.request;
    this.#lent = options.connections.take(address);
    const { connection } = this.#lent;
    const { connectMs } = options.timeouts;
    if (connection.isConnected) this.connected();
    else this.#within(connectMs, `There was no connection within ${connectMs} ms.`);
    connection.begin(
      this,
      `${method} ${target} HTTP/1.1\r\nhost: ${connection.host}\r\nauthorization: ${authorization}\r\nconnection: keep-alive\r\n\r\n`,
    );
  }

  connected(): void {
    const { firstByteMs } = this.#options.timeouts;
    this.#within(firstByteMs, `There was no answer within ${firstByteMs} ms.`);
  }

  /** The reader has used a piece. */
  taken(): void {
    this.#arrivedAt = performance.now();
    this.#pieces?.taken();
    if (this.#pieces?.goesOn) this.#lent.connection.resume();
  }

  /** Nobody wants the rest. */
  end(): void {
    this.#over();
    this.#lent.connection.destroy();
  }

  room(): Buffer | undefined {
    return this.#whole?.subarray(this.#arrived) ?? this.#pieces?.room();
  }

  received(bytes: Buffer, inRoom: boolean): boolean {
    try {
      if (this.#head === undefined) return this.#onHead(bytes);
      return inRoom ? this.#onRoom(bytes.length) : this.#onBytes(bytes);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  broke({ message, code = '' }: NodeJS.ErrnoException): void {
    if (this.#head !== undefined) {
      this.#fail(`The object broke off after ${this.#arrived} of ${this.#length} bytes.`);
      return;
    }
    const isClosed = code === '' || code === 'ECONNRESET' || code === 'EPIPE';
    this.#fail(message || code, this.#lent.isReused && this.#begun === undefined && isClosed);
  }

  #onHead(bytes: Buffer): boolean {
    const begun = this.#begun === undefined ? bytes : Buffer.concat([this.#begun, bytes]);
    const end = begun.indexOf('\r\n\r\n');
    if (end > LONGEST_HEAD || (end < 0 && begun.length > LONGEST_HEAD))
      throw new Error('The answer has a head that is too long.');
    if (end < 0) {
      this.#begun = Buffer.from(begun);
      return true;
    }
    const head = parseHead(begun.toString('latin1', 0, end), this.#options.request.method);
    this.#head = head;
    if (head.follows === undefined) {
      this.#tellHead(head);
      this.end();
      return false;
    }
    this.#length = head.follows;
    if (this.#length <= WHOLE_BYTES) this.#whole = Buffer.allocUnsafeSlow(this.#length);
    else {
      const { id, buffers, tell } = this.#options;
      this.#pieces = new Pieces(this.#length, buffers, (piece) =>
        tell({ kind: 'piece', id, piece }, piece.memory),
      );
      this.#tellHead(head);
    }
    clearTimeout(this.#timer);
    this.#arrivedAt = performance.now();
    const goesOn = this.#onBytes(begun.subarray(end + 4));
    if (!this.#isOver) this.#watch(this.#options.timeouts.idleMs);
    return goesOn;
  }

  #onBytes(bytes: Buffer): boolean {
    if (bytes.length > this.#length - this.#arrived)
      throw new Error('The answer has more bytes than it promised.');
    this.#whole?.set(bytes, this.#arrived);
    this.#pieces?.add(bytes);
    return this.#onArrival(bytes.length);
  }

  #onRoom(count: number): boolean {
    this.#pieces?.filled(count);
    return this.#onArrival(count);
  }

  #onArrival(count: number): boolean {
    this.#arrived += count;
    this.#arrivedAt = performance.now();
    if (this.#arrived < this.#length) return this.#pieces?.goesOn ?? true;
    const { request, connections } = this.#options;
    this.#over();
    if (this.#head?.keeps) connections.give(request.address, this.#lent.connection);
    else this.#lent.connection.destroy();
    if (this.#head !== undefined && this.#whole !== undefined) this.#tellHead(this.#head, this.#whole);
    return true;
  }

  #tellHead({ status, headers, length }: ParsedHead, bytes?: Buffer): void {
    const { id, tell } = this.#options;
    const head = { status, headers, length };
    const whole = bytes?.buffer as ArrayBuffer | undefined;
    tell({ kind: 'head', id, head, whole }, whole);
  }

  #within(ms: number, message: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(message), ms);
  }

  /** Looks after `ms` whether a byte is overdue. */
  #watch(ms: number): void {
    this.#timer = setTimeout(() => {
      const { idleMs } = this.#options.timeouts;
      const isDue = this.#pieces?.isReaderIdle ?? true;
      const left = isDue ? this.#arrivedAt + idleMs - performance.now() : idleMs;
      if (left > 0) this.#watch(left);
      else this.#fail(`No byte came for ${idleMs} ms.`);
    }, ms);
  }

  #fail(message: string, stale = false): void {
    if (this.#isOver) return;
    this.end();
    this.#options.tell({ kind: 'failed', id: this.#options.id, message, stale });
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#pieces?.end();
    this.#options.onOver();
  }
}
