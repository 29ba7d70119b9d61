import { OsproxyError } from '#core/errors.ts';
import type { Cache } from '#core/ports/cache.ts';

interface Entry {
  readonly value: unknown;
  /** On the clock that never steps. */
  readonly expiresAt: number;
}

/** A reading under way; stale once its key was deleted. */
interface Reading {
  stale: boolean;
}

/** A value and how long it may be kept, counted from before it was asked for. */
export interface Dated<T> {
  readonly value: T;
  /** 0 or less: not to be kept. */
  readonly ttlMs: number;
}

/** Entries of this process only; the least recently used one makes room. Expired entries go when they are met or pushed out. */
export class MemoryCache implements Cache {
  readonly #maxEntries: number;
  readonly #entries = new Map<string, Entry>();
  readonly #readings = new Map<string, Set<Reading>>();

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
    return this.#find(key)?.value;
  }

  async set(key: string, value: unknown, ttlMs: number): Promise<void> {
    requireTtl(ttlMs);
    this.#outdate(key);
    this.#put(key, value, performance.now() + ttlMs);
  }

  async delete(key: string): Promise<void> {
    this.#outdate(key);
    this.#entries.delete(key);
  }

  forget(key: string): Promise<void> {
    return this.delete(key);
  }

  async load<T>(
    key: string,
    ttlMs: number,
    read: () => Promise<T>,
    keep: (value: T) => boolean = () => true,
  ): Promise<T> {
    requireTtl(ttlMs);
    return this.loadDated(key, async () => {
      const value = await read();
      return { value, ttlMs: value !== undefined && keep(value) ? ttlMs : 0 };
    });
  }

  /** As load, for values that say themselves how long they last. */
  async loadDated<T>(key: string, read: () => Promise<Dated<T>>): Promise<T> {
    const entry = this.#find(key);
    if (entry !== undefined) return entry.value as T;
    const startedAt = performance.now();
    const reading: Reading = { stale: false };
    const readings = this.#readings.get(key) ?? new Set();
    this.#readings.set(key, readings.add(reading));
    try {
      const { value, ttlMs } = await read();
      if (!reading.stale && ttlMs > 0) this.#put(key, value, startedAt + ttlMs);
      return value;
    } finally {
      readings.delete(reading);
      if (readings.size === 0 && this.#readings.get(key) === readings) this.#readings.delete(key);
    }
  }

  /** Forgets everything, and what is being read at the moment will not be kept. */
  clear(): void {
    for (const key of this.#readings.keys()) this.#outdate(key);
    this.#entries.clear();
  }

  async close(): Promise<void> {
    this.clear();
  }

  #find(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.expiresAt <= performance.now()) return undefined;
    this.#entries.set(key, entry);
    return entry;
  }

  #put(key: string, value: unknown, expiresAt: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, expiresAt });
    if (this.#entries.size <= this.#maxEntries) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  #outdate(key: string): void {
    for (const reading of this.#readings.get(key) ?? []) reading.stale = true;
    this.#readings.delete(key);
  }
}

/** Throws InvalidArgument for a time that is not above zero. */
export function requireTtl(ttlMs: number): void {
  if (!(ttlMs > 0)) {
    throw new OsproxyError('InvalidArgument', `A cache entry lives longer than 0 ms, not ${ttlMs}.`);
  }
}
