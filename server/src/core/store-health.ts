import { isOsproxyError } from './errors.ts';
import type { Placement } from './model/blob.ts';

const REMEMBERED_MS = 5_000;

type Place = Pick<Placement, 'store' | 'node'>;

/** Which stores, here and on other nodes, have just failed for this node, so that the next readers begin with another one. */
export class StoreHealth {
  readonly #failedAt = new Map<string, number>();

  /** What an object is missing or damaged for says nothing about the others in its store. */
  noteFailure(place: Place, error: unknown): void {
    if (isOsproxyError(error, 'NotFound') || isOsproxyError(error, 'Cancelled')) return;
    this.#failedAt.set(nameOf(place), performance.now());
  }

  noteSuccess(place: Place): void {
    if (this.#failedAt.size > 0) this.#failedAt.delete(nameOf(place));
  }

  /** The placements in their order, those in stores that have just failed last. */
  order(placements: readonly Placement[]): readonly Placement[] {
    if (this.#failedAt.size === 0 || placements.length < 2) return placements;
    const sick = placements.filter((placement) => this.#isSick(placement));
    if (sick.length === 0) return placements;
    return [...placements.filter((placement) => !sick.includes(placement)), ...sick];
  }

  #isSick(place: Place): boolean {
    const name = nameOf(place);
    const at = this.#failedAt.get(name);
    if (at === undefined) return false;
    if (performance.now() - at < REMEMBERED_MS) return true;
    this.#failedAt.delete(name);
    return false;
  }
}

function nameOf({ store, node }: Place): string {
  return node === undefined ? store : `${store}\n${node}`;
}
