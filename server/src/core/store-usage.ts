import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { StoreUsage } from './ports/metadata/placements.ts';
import type { Metadata } from './ports/metadata.ts';

const PAGE = 5_000;
const FRESH_MS = 60_000;

/** Bytes and objects per store, from the database; a walk over all placements, so its result serves for a minute. */
export class StoreUsages {
  readonly #metadata: Pick<Metadata, 'relaxed'>;
  #walking: Promise<ReadonlyMap<string, StoreUsage>> | undefined;
  #last: { readonly at: number; readonly usage: ReadonlyMap<string, StoreUsage> } | undefined;

  constructor(metadata: Pick<Metadata, 'relaxed'>) {
    this.#metadata = metadata;
  }

  /** At most a minute old; callers at the same time share one walk. */
  async recent(): Promise<ReadonlyMap<string, StoreUsage>> {
    if (this.#last !== undefined && performance.now() - this.#last.at < FRESH_MS) return this.#last.usage;
    return this.now();
  }

  now(): Promise<ReadonlyMap<string, StoreUsage>> {
    this.#walking ??= this.#walk().finally(() => {
      this.#walking = undefined;
    });
    return this.#walking;
  }

  async #walk(): Promise<ReadonlyMap<string, StoreUsage>> {
    const usage = new Map<string, StoreUsage>();
    for (let after: string | undefined; ; ) {
      // Sums that serve for a minute may as well begin some moments old.
      const page = await this.#metadata.relaxed.placements.usage(after, PAGE);
      for (const { store, objects, bytes } of page.stores) {
        const sum = usage.get(store) ?? { store, objects: 0, bytes: 0 };
        usage.set(store, { store, objects: sum.objects + objects, bytes: sum.bytes + bytes });
      }
      after = page.next;
      if (after === undefined) break;
      await yieldToOthers();
    }
    this.#last = { at: performance.now(), usage };
    return usage;
  }
}
