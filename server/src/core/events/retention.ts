import { throwIfCancelled } from '../cancellation.ts';
import type { SinkRecord } from '../model/sink.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';

const BATCH = 500;
/** A sink that nobody serves for this long, and that is not configured here, is forgotten; one that is served is saved every hour. */
const UNSERVED_KEPT_MS = 24 * 3_600_000;

export interface EventRetention {
  /** Names of the sinks of the configuration. */
  readonly sinks: readonly string[];
  /** Milliseconds. */
  readonly retentionMs: number;
}

interface Cleaning extends EventRetention {
  readonly metadata: Metadata;
  readonly commit: <T>(work: (repositories: MetadataWriter) => Promise<T>) => Promise<T>;
  readonly now: number;
  readonly signal: AbortSignal;
}

/**
 * Removes events that are older than the retention and that no sink waits for, and sinks that are not configured any more. A disabled sink
 * waits for nothing: what it missed for longer than the retention is gone. Resolves how many events were removed.
 */
export async function removeOldEvents(cleaning: Cleaning): Promise<number> {
  const { metadata, commit, now, retentionMs, signal } = cleaning;
  const waiting: (string | undefined)[] = [await metadata.events.last()];
  for (const sink of await metadata.sinks.list()) {
    if (isForgotten(sink, cleaning)) await forget(sink.name, cleaning);
    else if (sink.state !== 'disabled') waiting.push(sink.position);
  }
  const until = lowest(waiting);
  if (until === undefined) return 0;
  let removed = 0;
  let count: number;
  do {
    throwIfCancelled(signal);
    count = await commit(({ events }) => events.removeOld(now - retentionMs, until, BATCH));
    removed += count;
  } while (count > 0);
  return removed;
}

function isForgotten({ name, updatedAt }: SinkRecord, { sinks, now }: Cleaning): boolean {
  return !sinks.includes(name) && updatedAt < now - UNSERVED_KEPT_MS;
}

async function forget(name: string, cleaning: Cleaning): Promise<void> {
  await cleaning.commit(async ({ sinks }) => {
    const present = await sinks.lock(name);
    if (present !== undefined && isForgotten(present, cleaning)) await sinks.remove(name);
  });
}

/** undefined where one has not begun, which is before everything. */
function lowest(positions: readonly (string | undefined)[]): string | undefined {
  let least: bigint | undefined;
  for (const position of positions) {
    if (position === undefined) return undefined;
    const value = BigInt(position);
    if (least === undefined || value < least) least = value;
  }
  return least === undefined ? undefined : String(least);
}
