import { setTimeout as sleep } from 'node:timers/promises';
import { JoinedSignal } from './cancellation.ts';

/** A pause that others can cut short; a wake() between two pauses makes the next one end at once. */
export class Nudge {
  #pause: JoinedSignal | undefined;
  #woken = false;

  wake(): void {
    this.#woken = true;
    this.#pause?.abort();
  }

  /** Resolves after `ms`, at wake(), or when the signal fires; does not keep the process alive. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#woken && !signal.aborted) {
      const pause = new JoinedSignal(signal);
      this.#pause = pause;
      await sleep(ms, undefined, { signal: pause.signal, ref: false }).catch(() => {});
      pause.release();
      this.#pause = undefined;
    }
    this.#woken = false;
  }
}
