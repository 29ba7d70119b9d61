import { isOsproxyError } from './errors.ts';
import type { Placement } from './model/blob.ts';

const REMEMBERED_MS = 5_000;

/** Which stores have just failed on this node, so that the next readers begin with another one. */
export class StoreHealth {
  readonly #failedAt = new Map<string, number>();

  /** What an object is missing or damaged for says nothing about the others in its store. */
  noteFailure(store: string, error: unknown): void {
    if (isOsproxyError(error, 'NotFound') || isOsproxyError(error, 'Cancelled')) return;
    this.#failedAt.set(store, performance.now());
  }

  noteSuccess(store: string): void {
    if (this.#failedAt.size > 0) this.#failedAt.delete(store);
  }

  /** The placements in their order, those in stores that have just failed last. */
  order(placements: readonly Placement[]): readonly Placement[] {
    if (this.#failedAt.size === 0 || placements.length < 2) return placements;
    const sick = placements.filter(({ store }) => this.#isSick(store));
    if (sick.length === 0) return placements;
    return [...placements.filter((placement) => !sick.includes(placement)), ...sick];
  }

  #isSick(store: string): boolean {
    const at = this.#failedAt.get(store);
    if (at === undefined) return false;
    if (performance.now() - at < REMEMBERED_MS) return true;
    this.#failedAt.delete(store);
    return false;
  }
}
