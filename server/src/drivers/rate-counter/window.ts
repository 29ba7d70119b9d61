import type { RateDecision, RateRule } from '#core/ports/rate-counter.ts';

/** Uses counted in the running and in the previous fixed window, and how far the running one is. */
export interface WindowState {
  readonly current: number;
  readonly previous: number;
  /** Milliseconds since the running window began. */
  readonly elapsedMs: number;
}

/** Uses that count now: those of the running window and the share of the previous one that the sliding window still covers. */
export function used({ current, previous, elapsedMs }: WindowState, windowMs: number): number {
  return previous * (1 - elapsedMs / windowMs) + current;
}

/** What is left of the rule, for a state that has counted the use when it was allowed. */
export function decide(allowed: boolean, state: WindowState, { limit, windowMs }: RateRule): RateDecision {
  const remaining = allowed ? Math.max(0, Math.floor(limit - used(state, windowMs))) : 0;
  const { current, previous, elapsedMs } = state;
  const untilNext = windowMs - elapsedMs;
  if (remaining > 0) return { allowed, remaining, resetMs: Math.ceil(untilNext) };
  const room = limit - 1 - current;
  // Either the previous window fades far enough within the running one, or the running one has to fade in its turn.
  const resetMs =
    room >= 0 && previous > 0
      ? windowMs * (1 - room / previous) - elapsedMs
      : untilNext + windowMs * (1 - (limit - 1) / Math.max(current, 1));
  return { allowed, remaining, resetMs: Math.max(1, Math.ceil(resetMs)) };
}
