const SMALLEST = 64 * 1024;
const LARGEST = 1024 * 1024;
const BUFFERS_PER_READER = 2;

export interface ReadBuffersOptions {
  /** Bytes that all readers of the driver together may read ahead, about; at least 64 KiB per open reader is always given. */
  readonly budgetBytes: number;
}

/**
 * Lends out read buffers whose size follows from how many readers share the budget, and keeps returned ones for the next: memory never used
 * before costs more than the reading. What is not kept is freed at once; left to the collector, tens of megabytes would pile up.
 */
export class ReadBuffers {
  readonly #budget: number;
  readonly #free = new Map<number, Buffer[]>();
  #freeBytes = 0;
  #readers = 0;

  constructor(options: ReadBuffersOptions) {
    this.#budget = options.budgetBytes;
  }

  /** Counts a reader in until the returned function is called; calling it again does nothing. */
  enter(): () => void {
    let inside = true;
    this.#readers += 1;
    return () => {
      if (!inside) return;
      inside = false;
      this.#readers -= 1;
    };
  }

  /** A buffer for up to `wanted` bytes that are left to read; it may be smaller or larger than that. */
  take(wanted: number): Buffer {
    const size = Math.min(this.#blockSize(), sizeClass(wanted));
    const free = this.#free.get(size)?.pop();
    if (free === undefined) return Buffer.allocUnsafeSlow(size);
    this.#freeBytes -= size;
    return free;
  }

  /** Only for a buffer that nobody reads from and into which no read is under way. */
  give(buffer: Buffer): void {
    this.#makeRoom(buffer.length);
    if (this.#freeBytes + buffer.length > this.#budget / 2) {
      freeNow(buffer);
      return;
    }
    const free = this.#free.get(buffer.length);
    if (free === undefined) this.#free.set(buffer.length, [buffer]);
    else free.push(buffer);
    this.#freeBytes += buffer.length;
  }

  clear(): void {
    for (const all of this.#free.values()) for (const buffer of all) freeNow(buffer);
    this.#free.clear();
    this.#freeBytes = 0;
  }

  /** Buffers of sizes that are not in use now give way. */
  #makeRoom(size: number): void {
    for (const [other, free] of this.#free) {
      while (other !== size && free.length > 0 && this.#freeBytes + size > this.#budget / 2) {
        const buffer = free.pop();
        this.#freeBytes -= other;
        if (buffer !== undefined) freeNow(buffer);
      }
    }
  }

  #blockSize(): number {
    const share = this.#budget / (Math.max(1, this.#readers) * BUFFERS_PER_READER);
    if (share >= LARGEST) return LARGEST;
    return share <= SMALLEST ? SMALLEST : 2 ** Math.floor(Math.log2(share));
  }
}

function freeNow({ buffer }: Buffer): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}

function sizeClass(bytes: number): number {
  if (bytes >= LARGEST) return LARGEST;
  return bytes <= SMALLEST ? SMALLEST : 2 ** Math.ceil(Math.log2(bytes));
}
