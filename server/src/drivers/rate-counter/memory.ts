import type { RateCounter, RateDecision, RateRule } from '#core/ports/rate-counter.ts';
import { decide, used, type WindowState } from './window.ts';

/** Keys that are counted at once; the one that was used longest ago makes room. */
const MAX_KEYS = 100_000;

interface Window {
  /** Number of the fixed window that `current` counts. */
  readonly index: number;
  readonly current: number;
  readonly previous: number;
}

/** Counts the uses in this process. */
export class MemoryRateCounter implements RateCounter {
  readonly #windows = new Map<string, Window>();

  async take(key: string, rule: RateRule): Promise<RateDecision> {
    const { limit, windowMs } = rule;
    const now = performance.now();
    const index = Math.floor(now / windowMs);
    const before = this.#windows.get(key);
    const sameWindow = before?.index === index;
    const state: WindowState = {
      current: sameWindow ? before.current : 0,
      previous: sameWindow ? before.previous : before?.index === index - 1 ? before.current : 0,
      elapsedMs: now - index * windowMs,
    };
    const allowed = used(state, windowMs) + 1 <= limit;
    const current = state.current + (allowed ? 1 : 0);
    this.#windows.delete(key);
    this.#windows.set(key, { index, current, previous: state.previous });
    if (this.#windows.size > MAX_KEYS) {
      const [oldest] = this.#windows.keys();
      if (oldest !== undefined) this.#windows.delete(oldest);
    }
    return decide(allowed, { ...state, current }, rule);
  }

  async close(): Promise<void> {
    this.#windows.clear();
  }
}
