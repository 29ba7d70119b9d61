import type { SinkRecord } from '../model/sink.ts';
import type { SinkOutcome } from '../ports/event-sink.ts';

/** When a sink is tried again, and when it is given up; all times in milliseconds. */
export interface SinkPolicy {
  /** Attempts of one refused event before it is parked; at least 1. */
  readonly maxAttempts: number;
  /** Pause after the first failure; it doubles with each up to `maxBackoffMs`. */
  readonly firstBackoffMs: number;
  readonly maxBackoffMs: number;
  /** A sink that failed for this long without a success is disabled. */
  readonly disableAfterMs: number;
  /** A disabled sink is tried with one event at this interval, and enabled again when it takes it. */
  readonly probeMs: number;
}

/** When a refused event is tried again; undefined when it has had its attempts. */
export function nextAttempt(attempts: number, policy: SinkPolicy, now: number): number | undefined {
  return attempts >= policy.maxAttempts ? undefined : now + backoff(attempts, policy);
}

/** Doubles with each attempt; jitter of up to half keeps receivers from being asked all at once. */
function backoff(attempts: number, { firstBackoffMs, maxBackoffMs }: SinkPolicy): number {
  const full = Math.min(firstBackoffMs * 2 ** Math.min(attempts - 1, 30), maxBackoffMs);
  return Math.round(full * (0.5 + Math.random() / 2));
}

/**
 * The sink after a round. A success makes it active. Without one, what it said decides: it is failing when it took nothing, or refused all of
 * several events; the pause grows with the time it has been failing.
 */
export function afterRound(
  sink: SinkRecord,
  outcomes: readonly SinkOutcome[],
  position: string | undefined,
  policy: SinkPolicy,
  now: number,
): SinkRecord {
  const moved = { ...sink, position, updatedAt: now };
  const gone = outcomes.find((one) => one.kind === 'gone');
  if (gone?.kind === 'gone') {
    return { ...moved, state: 'disabled', reason: gone.reason, failingSince: now, retryAt: undefined };
  }
  const halt = outcomes.find((one) => one.kind === 'unavailable');
  const delivered = outcomes.some(({ kind }) => kind === 'delivered');
  const refusals = outcomes.filter((one) => one.kind === 'refused');
  const healthy = {
    ...moved,
    state: 'active',
    reason: undefined,
    failingSince: undefined,
    retryAt: undefined,
  } as const;
  if (halt === undefined && (delivered || outcomes.length === 0)) {
    return outcomes.length === 0 ? moved : healthy;
  }
  const refusesAll = refusals.length > 0 && (sink.state !== 'active' || refusals.length >= MANY_REFUSALS);
  if (halt === undefined && !refusesAll) return moved;
  const failingSince = delivered ? now : (sink.failingSince ?? now);
  const reason = halt?.kind === 'unavailable' ? halt.reason : refusals[0]?.reason;
  if (now - failingSince >= policy.disableAfterMs) {
    return { ...moved, state: 'disabled', reason, failingSince, retryAt: now + policy.probeMs };
  }
  const asked = halt?.kind === 'unavailable' ? halt.retryAfterMs : undefined;
  const grown = Math.min(Math.max(now - failingSince, policy.firstBackoffMs), policy.maxBackoffMs);
  const pause = Math.max(
    Math.round(grown * (0.5 + Math.random() / 2)),
    Math.min(asked ?? 0, policy.maxBackoffMs),
  );
  return { ...moved, state: 'failing', reason, failingSince, retryAt: now + pause };
}

/** So many refusals in one round without a success are the receiver's fault, not the events'. */
const MANY_REFUSALS = 5;
