import type { Config } from '#config/config.ts';
import type { ScrubSettings } from '#core/tasks/scrub.ts';

const MEBIBYTE = 1024 * 1024;
const DAY_MS = 24 * 3_600_000;
/** Reading costs money in many buckets, and what is in memory is gone before it goes bad. */
const LEFT_OUT: ReadonlySet<string> = new Set(['s3', 'memory']);

/** What is read again; undefined where that is switched off, or no store is left to read. */
export function scrubSettingsOf({ scrub, stores }: Config, nodeId: string): ScrubSettings | undefined {
  const names = scrub.stores ?? stores.filter(({ type }) => !LEFT_OUT.has(type)).map(({ name }) => name);
  if (scrub.periodDays === 0 || names.length === 0) return undefined;
  return {
    periodMs: scrub.periodDays * DAY_MS,
    bytesPerSecond: scrub.mibPerSecond * MEBIBYTE,
    stores: names,
    nodeId,
  };
}
