import { OsproxyError } from '#core/errors.ts';
import { cancelled, throwIfCancelled } from '../abort.ts';

export interface SlotsOptions {
  /** Holders at one time, ≥ 1. */
  readonly max: number;
  /** Callers that may wait, ≥ 0. */
  readonly maxQueued: number;
  /** Longest wait in milliseconds, > 0. */
  readonly maxWaitMs: number;
}

interface Waiter {
  readonly grant: () => void;
}

/** A fair counting semaphore: first come, first served. */
export class Slots {
  readonly #options: SlotsOptions;
  readonly #queue = new Set<Waiter>();
  #held = 0;

  constructor(options: SlotsOptions) {
    this.#options = options;
  }

  /** Resolves to a release function, safe to call twice. Rejects with Unavailable (queue full, wait too long) or Cancelled. */
  async acquire(signal: AbortSignal | undefined): Promise<() => void> {
    throwIfCancelled(signal);
    if (this.#held < this.#options.max) this.#held += 1;
    else await this.#wait(signal);
    let holding = true;
    return () => {
      if (!holding) return;
      holding = false;
      this.#release();
    };
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#queue.size >= this.#options.maxQueued) throw busy();
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#queue.delete(waiter);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        grant: () => {
          leave();
          resolve();
        },
      };
      const onAbort = (): void => {
        leave();
        if (signal !== undefined) reject(cancelled(signal));
      };
      const timer = setTimeout(() => {
        leave();
        reject(busy());
      }, this.#options.maxWaitMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#queue.add(waiter);
    });
  }

  /** A slot passes straight to the first who waits, so that nobody overtakes. */
  #release(): void {
    const [first] = this.#queue;
    if (first === undefined) this.#held -= 1;
    else first.grant();
  }
}

function busy(): OsproxyError {
  return new OsproxyError('Unavailable', 'The store has more to do than it can take; try again shortly.', {
    retryAfterSeconds: 1,
  });
}
