import type { UsageCell, UsageCounts, UsageRecord } from '../model/usage.ts';

const DAY_MS = 86_400_000;

type Counts = { -readonly [Name in keyof UsageCounts]: number };
type CountedCell = UsageCell & { readonly counts: UsageCounts };

/** Days since the epoch in UTC. */
export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/** Sums of records in memory: as large as the number of different days, owners, keys and stores among them, however many they are. */
export class UsageTotals {
  #cells = new Map<string, UsageCell & { readonly counts: Counts }>();

  get size(): number {
    return this.#cells.size;
  }

  add({ kind, key, owner, store, bytes, outcome, at, durationMs }: UsageRecord): void {
    const day = dayOf(at);
    const name = `${day}\n${key}\n${store}\n${owner}`;
    let cell = this.#cells.get(name);
    if (cell === undefined) {
      const counts = {
        uploads: 0,
        uploadedBytes: 0,
        downloads: 0,
        downloadedBytes: 0,
        failures: 0,
        durationMs: 0,
      };
      cell = { day, owner, key, store, counts };
      this.#cells.set(name, cell);
    }
    const { counts } = cell;
    if (kind === 'upload') {
      counts.uploads += 1;
      counts.uploadedBytes += bytes;
    } else {
      counts.downloads += 1;
      counts.downloadedBytes += bytes;
    }
    if (outcome !== 'ok') counts.failures += 1;
    counts.durationMs += durationMs;
  }

  /** Takes out at most so many cells, in an order that is the same for everybody, so that those who write them do not wait for each other in a circle. */
  take(most: number): readonly CountedCell[] {
    if (this.#cells.size <= most) {
      const all = [...this.#cells].sort(byName);
      this.#cells = new Map();
      return all.map(([, cell]) => cell);
    }
    const taken = [...this.#cells].sort(byName).slice(0, most);
    for (const [name] of taken) this.#cells.delete(name);
    return taken.map(([, cell]) => cell);
  }
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
