import { throwIfCancelled } from './cancellation.ts';
import { isOsproxyError } from './errors.ts';
import type { PlacedBlob, Placement } from './model/blob.ts';
import type { Metadata, MetadataWriter } from './ports/metadata.ts';
import { nodeAwayIn } from './ports/peers.ts';
import type { StorageDriver } from './ports/storage-driver.ts';
import { MARK_KEY, requireMark } from './store-marks.ts';
import type { Stores } from './stores.ts';

const BATCH = 200;
/** A store that was unavailable so often in a row is left to the next run. */
const GIVE_UP_AFTER = 20;

export interface GarbageOptions {
  readonly metadata: Metadata;
  readonly stores: Stores;
  /** A transaction; a task passes its fenced one. */
  readonly commit: <T>(work: (repositories: MetadataWriter) => Promise<T>) => Promise<T>;
  /** Only what is garbage since then or longer is touched. Milliseconds since the epoch. */
  readonly cutoff: number;
  /** Told of what a store refused to do; the rest goes on, and the next run tries again. What is on a node that is away just waits for it. */
  readonly failed: (error: unknown) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Condemns blobs that nothing names, deletes their bytes and then their rows; a crash in between is taken up by the next run. */
export async function deleteCondemned(options: GarbageOptions): Promise<number> {
  const { metadata, commit, cutoff } = options;
  const unavailable = new Map<string, number>();
  let deleted = 0;
  for (let after: string | undefined; ; ) {
    throwIfCancelled(options.signal);
    const blobs = await metadata.blobs.condemned(after, BATCH);
    after = blobs.at(-1)?.id;
    if (after === undefined) break;
    deleted += await deleteBytes(options, blobs, unavailable);
  }
  for (;;) {
    throwIfCancelled(options.signal);
    const { looked, condemned } = await commit((r) => r.blobs.condemnIdle(cutoff, BATCH));
    if (looked === 0) return deleted;
    deleted += await deleteBytes(options, condemned, unavailable);
  }
}

/** Bytes in these stores that no placement names: their key is reserved first, so that a put that is slower than the grace time cannot come to name them. */
export async function deleteOrphans(
  options: GarbageOptions & { readonly now: number },
  names: readonly string[],
): Promise<number> {
  let deleted = 0;
  for (const name of names) {
    const driver = options.stores.driver(name);
    await attempt(options, async () => {
      await requireMark(options, name);
      await driver.sweep?.(new Date(options.cutoff), { signal: options.signal });
      for await (const key of orphans(options, name, driver)) {
        if (!(await options.commit((r) => r.blobs.doom(name, key, options.now)))) continue;
        await driver.delete(key, { signal: options.signal });
        deleted += 1;
      }
    });
  }
  return deleted;
}

/** Keys in the store, last changed at or before the cutoff, that the database does not know. */
export async function* orphans(
  options: Pick<GarbageOptions, 'metadata' | 'cutoff' | 'signal'>,
  store: string,
  driver: StorageDriver,
): AsyncGenerator<string> {
  let batch: string[] = [];
  const unknown = async () => {
    const known = await options.metadata.blobs.knownKeys(store, batch);
    const keys = batch.filter((key) => !known.has(key));
    batch = [];
    return keys;
  };
  for await (const object of driver.list('', { signal: options.signal })) {
    throwIfCancelled(options.signal);
    if (object.key === MARK_KEY) continue;
    if (object.modifiedAt.getTime() > options.cutoff) continue;
    batch.push(object.key);
    if (batch.length >= BATCH) yield* await unknown();
  }
  if (batch.length > 0) yield* await unknown();
}

/** Every placement must be reachable from here; what is on another node waits where nothing leads there. */
function isDeletable(options: GarbageOptions, blob: PlacedBlob): boolean {
  return blob.placements.every((placement) => options.stores.isReachable(placement));
}

/** `unavailable` counts by store, and node, how often in a row it could not be reached. */
async function deleteBytes(
  options: GarbageOptions,
  blobs: readonly PlacedBlob[],
  unavailable: Map<string, number>,
): Promise<number> {
  const gone: string[] = [];
  const givenUp = (placement: Placement) => (unavailable.get(placeOf(placement)) ?? 0) >= GIVE_UP_AFTER;
  for (const blob of blobs) {
    if (!isDeletable(options, blob) || blob.placements.some(givenUp)) continue;
    const done = await attempt(options, async () => {
      for (const placement of blob.placements) {
        const place = placeOf(placement);
        try {
          await options.stores.at(placement).delete(placement.key, { signal: options.signal });
          unavailable.delete(place);
        } catch (error) {
          if (isOsproxyError(error, 'Unavailable')) unavailable.set(place, (unavailable.get(place) ?? 0) + 1);
          throw error;
        }
      }
    });
    if (done) gone.push(blob.id);
  }
  if (gone.length > 0) await options.commit((r) => r.blobs.remove(gone));
  return gone.length;
}

function placeOf({ store, node = '' }: Placement): string {
  return `${store}\n${node}`;
}

/** One store that is down must not keep the garbage of the others; a lost task or a stop ends all of it. */
async function attempt(options: GarbageOptions, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    throwIfCancelled(options.signal);
    if (isOsproxyError(error, 'Conflict')) throw error;
    if (nodeAwayIn(error) === undefined) options.failed(error);
    return false;
  }
}
