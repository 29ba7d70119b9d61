import { setTimeout as sleep } from 'node:timers/promises';
import { OsproxyError } from '#core/errors.ts';
import { isBusy } from './errors.ts';

const LONGEST_PAUSE_MS = 25;

/** Milliseconds before try `attempt` + 2, jittered so that processes do not meet again. */
export function busyPause(attempt: number): number {
  return Math.min(2 ** attempt, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
}

/** Runs `action` until the lock that it needs is free; rejects with Unavailable after `withinMs`. */
export async function whenFree<T>(action: () => T, withinMs: number): Promise<T> {
  const end = performance.now() + withinMs;
  for (let attempt = 0; ; attempt++) {
    try {
      return action();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (performance.now() >= end) throw lockedOut(error);
      await sleep(busyPause(attempt));
    }
  }
}

export function lockedOut(cause: unknown): OsproxyError {
  return new OsproxyError(
    'Unavailable',
    'Another process kept the database locked for too long; try again.',
    { cause },
  );
}
