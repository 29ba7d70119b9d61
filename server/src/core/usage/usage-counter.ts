import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { LoggedUsage } from '../ports/usage-log.ts';
import { UsageTotals } from './usage-totals.ts';

const CELLS = Number.MAX_SAFE_INTEGER;

/** Adds records that came through a log to the totals, each once, however often and by whomever it is given: what was counted of a source is kept with the totals. */
export async function countUsage(
  { metadata, clock }: { readonly metadata: Pick<Metadata, 'transaction'>; readonly clock: Clock },
  entries: readonly LoggedUsage[],
): Promise<void> {
  const sources = [...new Set(entries.map(({ source }) => source))].sort();
  await metadata.transaction(async ({ usage }) => {
    const totals = new UsageTotals();
    const now = clock.now();
    for (const source of sources) {
      const counted = await usage.lastOf(source, now);
      let last = counted;
      for (const entry of entries) {
        if (entry.source !== source || entry.number <= last) continue;
        last = entry.number;
        totals.add(entry.record);
      }
      if (last > counted) await usage.claim(source, last, now);
    }
    for (const { counts, ...cell } of totals.take(CELLS)) await usage.add(cell, counts);
  });
}
