import { setTimeout as sleep } from 'node:timers/promises';

/** A pause that others can cut short; a wake() between two pauses makes the next one end at once. */
export class Nudge {
  #pause: AbortController | undefined;
  #woken = false;

  wake(): void {
    this.#woken = true;
    this.#pause?.abort();
  }

  /** Resolves after `ms`, at wake(), or when the signal fires; does not keep the process alive. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#woken && !signal.aborted) {
      this.#pause = new AbortController();
      const either = AbortSignal.any([this.#pause.signal, signal]);
      await sleep(ms, undefined, { signal: either, ref: false }).catch(() => {});
      this.#pause = undefined;
    }
    this.#woken = false;
  }
}
