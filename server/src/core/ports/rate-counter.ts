/** So many uses of one key within a window that slides with time. */
export interface RateRule {
  /** Uses allowed in any window, ≥ 1. */
  readonly limit: number;
  /** Milliseconds, ≥ 1. */
  readonly windowMs: number;
}

export interface RateDecision {
  readonly allowed: boolean;
  /** Uses left at this moment. */
  readonly remaining: number;
  /** Milliseconds until there is more than `remaining`: until one use is allowed again where none is left. */
  readonly resetMs: number;
}

/** Counts uses, over all processes where something shared does the counting. */
export interface RateCounter {
  /** Counts one use of the key unless it is one too many. Never rejects: what cannot be counted together is counted in this process alone. */
  take(key: string, rule: RateRule): Promise<RateDecision>;
  close(): Promise<void>;
}
