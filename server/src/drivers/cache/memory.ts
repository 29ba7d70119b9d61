import { OsproxyError } from '#core/errors.ts';
import type { Cache } from '#core/ports/cache.ts';

interface Entry {
  readonly value: unknown;
  /** On the clock that never steps. */
  readonly expiresAt: number;
}

/** Entries of this process only; the least recently used one makes room. Expired entries go when they are met or pushed out. */
export class MemoryCache implements Cache {
  readonly #maxEntries: number;
  readonly #entries = new Map<string, Entry>();

  /** Throws InvalidArgument unless `maxEntries` is a whole number from 1. */
  constructor(options: { maxEntries: number }) {
    if (!Number.isSafeInteger(options.maxEntries) || options.maxEntries < 1) {
      throw new OsproxyError(
        'InvalidArgument',
        `A cache holds a whole number of entries, at least 1, not ${options.maxEntries}.`,
      );
    }
    this.#maxEntries = options.maxEntries;
  }

  async get(key: string): Promise<unknown> {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.expiresAt <= performance.now()) return undefined;
    this.#entries.set(key, entry);
    return entry.value;
  }

  async set(key: string, value: unknown, ttlMs: number): Promise<void> {
    if (!(ttlMs > 0)) {
      throw new OsproxyError('InvalidArgument', `A cache entry lives longer than 0 ms, not ${ttlMs}.`);
    }
    this.#entries.delete(key);
    this.#entries.set(key, { value, expiresAt: performance.now() + ttlMs });
    if (this.#entries.size <= this.#maxEntries) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  async delete(key: string): Promise<void> {
    this.#entries.delete(key);
  }

  async close(): Promise<void> {
    this.#entries.clear();
  }
}
