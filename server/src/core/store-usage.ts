import { setTimeout as sleep, setImmediate as yieldToOthers } from 'node:timers/promises';
import type { StoreUsage } from './ports/metadata/placements.ts';
import type { Metadata } from './ports/metadata.ts';

const PAGE = 5_000;
const FRESH_MS = 60_000;
/** Between two walks for the metrics so many times as long as one takes, so that they are a fiftieth of the work however much is stored. */
const REST = 50;
/** A caller waits so long for the first walk. */
const FIRST_MS = 2_000;

type Usage = ReadonlyMap<string, StoreUsage>;

/** Bytes and objects per store, from the database: a walk over all placements. */
export class StoreUsages {
  readonly #metadata: Pick<Metadata, 'relaxed'>;
  #walking: Promise<Usage> | undefined;
  #last: { readonly at: number; readonly tookMs: number; readonly usage: Usage } | undefined;

  constructor(metadata: Pick<Metadata, 'relaxed'>) {
    this.#metadata = metadata;
  }

  /**
   * What the last walk found, for metrics: never waits for another one, which is begun when the last is a minute old, or fifty times as old as it took.
   * Empty while the very first one takes longer than two seconds; rejects only when that one does.
   */
  async recent(): Promise<Usage> {
    if (this.#last === undefined) {
      const first = this.now();
      const late = new AbortController();
      try {
        return await Promise.race([first, sleep(FIRST_MS, new Map(), { signal: late.signal })]);
      } finally {
        late.abort();
        first.catch(() => {});
      }
    }
    const { at, tookMs, usage } = this.#last;
    if (performance.now() - at > Math.max(FRESH_MS, REST * tookMs)) this.now().catch(() => {});
    return usage;
  }

  /** From a walk that ends after this call; callers at the same time share one. */
  now(): Promise<Usage> {
    this.#walking ??= this.#walk().finally(() => {
      this.#walking = undefined;
    });
    return this.#walking;
  }

  async #walk(): Promise<Usage> {
    const start = performance.now();
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
    const at = performance.now();
    this.#last = { at, tookMs: at - start, usage };
    return usage;
  }
}
