import type { ReadBuffers } from '../../read-buffers/read-buffers.ts';
import type { Piece } from './protocol.ts';

/** Buffers that one answer takes at most: one that its reader uses, one that is filled meanwhile. */
const MOST_TAKEN = 2;

/**
 * The body of an answer, cut into pieces for its reader. A buffer that is full goes at once; one that is not goes only to a reader who has
 * nothing else, so that pieces are large where the reader is the slower side, and nobody waits for bytes that are here.
 */
export class Pieces {
  readonly #buffers: ReadBuffers;
  readonly #leave: () => void;
  readonly #tell: (piece: Piece) => void;
  /** Bytes of the answer that have no buffer yet. */
  #left: number;
  #buffer: Buffer | undefined;
  /** The bytes of the buffer before this were told, as a copy. */
  #from = 0;
  #to = 0;
  #out = 0;
  #isLooking = false;

  constructor(length: number, buffers: ReadBuffers, tell: (piece: Piece) => void) {
    this.#left = length;
    this.#buffers = buffers;
    this.#leave = buffers.enter();
    this.#tell = tell;
  }

  /** True when the reader has used all it was given. */
  get isReaderIdle(): boolean {
    return this.#out === 0;
  }

  /** True while the reader leaves a buffer to fill. */
  get goesOn(): boolean {
    return this.#out < MOST_TAKEN;
  }

  /** Where the next bytes go, never more than are left; undefined while the reader has all the buffers. */
  room(): Buffer | undefined {
    return this.#buffer === undefined && !this.goesOn ? undefined : this.#room();
  }

  /** The system has put bytes into the room, and asks for the next before it reads again. */
  filled(count: number): void {
    this.#advance(count);
    if (this.#isFull || this.#out === 0) this.#tellBuffer();
  }

  /** A few bytes that came elsewhere, at most as many as are left; TLS may still give some when nothing should go on. */
  add(bytes: Buffer): void {
    for (let from = 0; from < bytes.length; ) {
      const copied = bytes.copy(this.#room(), 0, from);
      from += copied;
      this.#advance(copied);
      if (this.#isFull) this.#tellBuffer();
    }
    // More are likely to be right behind them.
    if (this.#out === 0) this.#lookSoon();
  }

  /** The reader has used a piece. */
  taken(): void {
    this.#out -= 1;
    if (this.#out === 0) this.#lookSoon();
  }

  /** Nothing more is read. */
  end(): void {
    this.#left = 0;
    this.#leave();
  }

  get #isFull(): boolean {
    return this.#left === 0 || this.#to === this.#buffer?.length;
  }

  #room(): Buffer {
    if (this.#buffer === undefined) {
      this.#buffer = this.#buffers.take(this.#left);
      this.#from = 0;
      this.#to = 0;
    }
    return this.#buffer.subarray(this.#to, this.#to + this.#left);
  }

  #advance(count: number): void {
    this.#to += count;
    this.#left -= count;
  }

  #tellBuffer(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    this.#buffer = undefined;
    this.#out += 1;
    this.#tell({ memory: buffer.buffer as ArrayBuffer, from: this.#from, to: this.#to });
  }

  /** What the connection holds is read first. If that was nothing, the reader gets a copy: the system may still write into the buffer. */
  #lookSoon(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    setImmediate(() => {
      this.#isLooking = false;
      if (this.#out > 0 || this.#buffer === undefined || this.#to === this.#from || this.#left === 0) return;
      const copy = this.#buffers.take(this.#to - this.#from);
      const to = this.#buffer.copy(copy, 0, this.#from, this.#to);
      this.#from += to;
      this.#out += 1;
      this.#tell({ memory: copy.buffer as ArrayBuffer, from: 0, to });
    });
  }
}
