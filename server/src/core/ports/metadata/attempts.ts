export interface AttemptDecision {
  readonly allowed: boolean;
  /** How many more are allowed in this window. */
  readonly left: number;
  /** When all of them are allowed again. */
  readonly until: number;
}

/** Counts tries within a window that begins with the first of them. */
export interface AttemptCommands {
  /** Counts one of the key, unless `limit` were counted before. */
  take(key: string, limit: number, windowMs: number, now: number): Promise<AttemptDecision>;
  /** One less, for a try that was right. */
  giveBack(key: string): Promise<void>;
  clear(key: string): Promise<void>;
  removeExpired(cutoff: number, limit: number): Promise<number>;
}
