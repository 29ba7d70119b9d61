/** What an entry costs beside its bytes, about. */
const ENTRY_OVERHEAD = 256;

/** Byte strings by key, bounded by the bytes they take; what was used longest ago goes first. */
export class ByteLru {
  readonly #maxBytes: number;
  readonly #entries = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(key: string): Uint8Array | undefined {
    const bytes = this.#entries.get(key);
    if (bytes === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, bytes);
    return bytes;
  }

  set(key: string, bytes: Uint8Array): void {
    this.delete(key);
    this.#entries.set(key, bytes);
    this.#bytes += bytes.length + ENTRY_OVERHEAD;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const bytes = this.#entries.get(key);
    if (bytes === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= bytes.length + ENTRY_OVERHEAD;
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }
}
