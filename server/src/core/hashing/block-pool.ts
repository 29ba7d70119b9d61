export const SMALL_BLOCK_BYTES = 64 * 1024;
export const LARGE_BLOCK_BYTES = 1024 * 1024;

/** Shared memory that an upload fills once and that hash workers and the store then read at the same time. */
export interface Block {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/**
 * Lends blocks to uploads. Large ones come from a fixed budget, first come first served; when it is spent an upload goes on with small
 * ones, of which each may hold a few: a thousand slow clients can neither starve a fast one nor grow the process.
 */
export class BlockPool {
  readonly #freeLarge: Block[] = [];
  readonly #freeSmall: Block[] = [];
  readonly #maxLarge: number;
  readonly #maxFreeSmall = 256;
  readonly #onRetire: (id: number) => void;
  #large = 0;
  #nextId = 1;

  /** `largeBudgetBytes`: memory for large blocks in all. `onRetire` is told of blocks that are given back to the system. */
  constructor(largeBudgetBytes: number, onRetire: (id: number) => void = () => {}) {
    this.#maxLarge = Math.floor(largeBudgetBytes / LARGE_BLOCK_BYTES);
    this.#onRetire = onRetire;
  }

  /** A large block while the budget lasts, else a small one. */
  take(): Block {
    const free = this.#freeLarge.pop();
    if (free !== undefined) return free;
    if (this.#large < this.#maxLarge) {
      this.#large += 1;
      return this.#create(LARGE_BLOCK_BYTES);
    }
    return this.takeSmall();
  }

  takeSmall(): Block {
    return this.#freeSmall.pop() ?? this.#create(SMALL_BLOCK_BYTES);
  }

  give(block: Block): void {
    if (block.bytes.byteLength === LARGE_BLOCK_BYTES) this.#freeLarge.push(block);
    else if (this.#freeSmall.length < this.#maxFreeSmall) this.#freeSmall.push(block);
    else this.#onRetire(block.id);
  }

  #create(bytes: number): Block {
    return { id: this.#nextId++, bytes: new Uint8Array(new SharedArrayBuffer(bytes)) };
  }
}
