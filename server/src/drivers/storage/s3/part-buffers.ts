/** Free buffers that are kept for the next put. */
const MAX_KEPT = 16;

export interface PartBuffersOptions {
  readonly partBytes: number;
  /** Buffers that all puts together may have beyond one each. */
  readonly extraParts: number;
}

/**
 * Memory for parts. Every put may have one buffer, so that all go on; more only as long as the common allowance lasts, so that many puts
 * together stay bounded.
 */
export class PartBuffers {
  readonly #partBytes: number;
  readonly #kept: Buffer[] = [];
  #extraLeft: number;

  constructor(options: PartBuffersOptions) {
    this.#partBytes = options.partBytes;
    this.#extraLeft = options.extraParts;
  }

  /** True when the caller may have one more buffer; it must give the allowance back. */
  borrowExtra(): boolean {
    if (this.#extraLeft === 0) return false;
    this.#extraLeft -= 1;
    return true;
  }

  returnExtra(): void {
    this.#extraLeft += 1;
  }

  /** A buffer of this many bytes with unspecified content. */
  take(bytes: number): Buffer {
    const kept = bytes === this.#partBytes ? this.#kept.pop() : undefined;
    return kept ?? Buffer.allocUnsafeSlow(bytes);
  }

  /** Nobody may use the buffer any more. */
  give(buffer: Buffer): void {
    if (buffer.length === this.#partBytes && this.#kept.length < MAX_KEPT) this.#kept.push(buffer);
  }

  clear(): void {
    this.#kept.length = 0;
  }
}
