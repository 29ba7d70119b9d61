import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { NodeLoad } from '../model/lease.ts';

const NANOSECONDS_PER_MS = 1e6;
const TIMER_MS = 50;

/** How much this process has to do. */
export class LoadMeter {
  readonly #counts: { transfers(): number; tasks(): number };
  readonly #delay = monitorEventLoopDelay({ resolution: TIMER_MS });

  /** Measures until it is stopped. */
  constructor(counts: { transfers(): number; tasks(): number }) {
    this.#counts = counts;
    this.#delay.enable();
  }

  /** The delay is that since the last reading. */
  read(): NodeLoad {
    // What is measured is the time from one timer to the next.
    const delay = Math.max(0, this.#delay.percentile(99) / NANOSECONDS_PER_MS - TIMER_MS);
    this.#delay.reset();
    return {
      transfers: this.#counts.transfers(),
      tasks: this.#counts.tasks(),
      eventLoopDelayMs: Number.isFinite(delay) ? Math.round(delay * 10) / 10 : 0,
    };
  }

  stop(): void {
    this.#delay.disable();
  }
}

/** The load of a node from those of its processes. */
export function addUpLoads(loads: readonly NodeLoad[]): NodeLoad {
  return {
    transfers: loads.reduce((sum, load) => sum + load.transfers, 0),
    tasks: loads.reduce((sum, load) => sum + load.tasks, 0),
    eventLoopDelayMs: Math.max(...loads.map((load) => load.eventLoopDelayMs)),
  };
}
