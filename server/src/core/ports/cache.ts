/** Forgetful storage: any entry may be gone at any time, nothing is truth. Values are plain JSON-like data and must not be changed after set. */
export interface Cache {
  get(key: string): Promise<unknown>;
  /** Keeps the value for at most `ttlMs` milliseconds (> 0). */
  set(key: string, value: unknown, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;
  close(): Promise<void>;
}
