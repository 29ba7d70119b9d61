import { setTimeout as sleep } from 'node:timers/promises';
import { Nudge } from '../nudge.ts';
import type { Logger } from '../ports/logger.ts';
import type { Metadata } from '../ports/metadata.ts';

const BATCH = 500;
/** After events got their positions the next wait so long for company: one transaction for many, and the first after a pause waits for none. */
const GATHER_MS = 20;
/** Events of other nodes, and those whose commit nobody here saw, are found after this time at the latest. */
const POLL_MS = 1_000;
const BACKOFF_MS = 5_000;

/**
 * Gives appended events their positions soon after their commit. Every node may run one; the database lets one at a time. A database that is
 * away is asked again, and nothing is lost meanwhile: appended events wait in it.
 */
export class EventSequencer {
  readonly #metadata: Metadata;
  readonly #logger: Logger;
  readonly #onSequenced: () => void;
  readonly #stopping = new AbortController();
  readonly #nudge = new Nudge();
  #running: Promise<void> | undefined;

  /** `onSequenced` is called when this process has given positions. */
  constructor(options: { metadata: Metadata; logger: Logger; onSequenced: () => void }) {
    this.#metadata = options.metadata;
    this.#logger = options.logger;
    this.#onSequenced = options.onSequenced;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Says that an event was committed just now. */
  wake(): void {
    this.#nudge.wake();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      let pause = POLL_MS;
      try {
        if (await this.#sequence(signal)) {
          this.#onSequenced();
          await sleep(GATHER_MS, undefined, { signal, ref: false }).catch(() => {});
        }
      } catch (error) {
        this.#logger.warn({ err: error }, 'events could not be put in order for now');
        pause = BACKOFF_MS;
      }
      await this.#nudge.wait(pause, signal);
    }
  }

  async #sequence(signal: AbortSignal): Promise<boolean> {
    let any = false;
    while (!signal.aborted && (await this.#metadata.events.hasWaiting())) {
      const count = await this.#metadata.transaction((repositories) => repositories.events.sequence(BATCH));
      any ||= count > 0;
    }
    return any;
  }
}
