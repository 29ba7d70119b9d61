/** Forgetful storage: any entry may be gone at any time, nothing is truth. Values are plain JSON-like data and must not be changed after set. */
export interface Cache {
  get(key: string): Promise<unknown>;
  /** Keeps the value for at most `ttlMs` milliseconds (> 0). */
  set(key: string, value: unknown, ttlMs: number): Promise<void>;
  /** For everybody who shares the cache. */
  delete(key: string): Promise<void>;
  /** Lets go of what this process keeps of a key that another process has deleted. */
  forget(key: string): Promise<void>;
  /**
   * The entry, or else what `read` gives, which is then kept. What was read before a delete, by whomever, is never kept after it. `ttlMs` counts from before
   * the reading. undefined, and what `keep` refuses, is not kept. Rejects with what `read` throws.
   */
  load<T>(key: string, ttlMs: number, read: () => Promise<T>, keep?: (value: T) => boolean): Promise<T>;
  close(): Promise<void>;
}
