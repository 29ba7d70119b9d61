const FIRST_PAUSE_MS = 250;
/** A refused connection costs little, and a node that is back should be noticed soon. */
const LONGEST_PAUSE_MS = 1_000;
/** A probe that has not ended after this time no longer keeps others from probing. */
const PROBE_PATIENCE_MS = 15_000;

/** Spares a node that is away, and those who ask for it: after a failure calls fail at once for a moment, then one of them tries. */
export class Reachability {
  #pauseMs = 0;
  #pausedUntil = 0;
  #probingSince = Number.NEGATIVE_INFINITY;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #reason: unknown;

  /** True when a call may go out now. */
  mayTry(): boolean {
    if (this.#pauseMs === 0) return true;
    const now = performance.now();
    if (now < this.#pausedUntil || now - this.#probingSince < PROBE_PATIENCE_MS) return false;
    this.#probingSince = now;
    return true;
  }

  get reason(): unknown {
    return this.#reason;
  }

  answered(): void {
    this.#answeredAt = performance.now();
    this.#pauseMs = 0;
    this.#probingSince = Number.NEGATIVE_INFINITY;
    this.#reason = undefined;
  }

  /** The caller left before there was an answer: nothing is known, and the next one may try. */
  cancelled(): void {
    this.#probingSince = Number.NEGATIVE_INFINITY;
  }

  /** `sentAt` as performance.now() gave it. Where the node has answered others since, it is there: the fault is that connection's. */
  failed(reason: unknown, sentAt: number): void {
    if (this.#answeredAt > sentAt) return;
    const now = performance.now();
    this.#reason = reason;
    this.#probingSince = Number.NEGATIVE_INFINITY;
    // Calls that were under way together are one failure.
    if (this.#pauseMs > 0 && now < this.#pausedUntil) return;
    this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
    this.#pausedUntil = now + this.#pauseMs;
  }
}
