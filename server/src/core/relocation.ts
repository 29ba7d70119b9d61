import { throwIfCancelled } from './cancellation.ts';
import type { Downloads } from './downloads.ts';
import { isOsproxyError, OsproxyError, toOsproxyError } from './errors.ts';
import { sha256Stored } from './hashing/hash-object.ts';
import type { HashWorkers } from './hashing/hash-workers.ts';
import { hashedSource } from './hashing/hashed-source.ts';
import type { PlacedBlob, Placement } from './model/blob.ts';
import type { Clock } from './ports/clock.ts';
import type { Metadata, MetadataWriter } from './ports/metadata.ts';
import type { Telemetry } from './ports/telemetry.ts';
import type { StorageKeys } from './storage-keys.ts';
import type { Stores } from './stores.ts';
import { type Throttle, throttled } from './throttle.ts';

export interface RelocationDependencies {
  readonly metadata: Metadata;
  readonly stores: Stores;
  readonly downloads: Downloads;
  readonly workers: HashWorkers;
  readonly keys: StorageKeys;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export interface Relocation {
  readonly blobId: string;
  readonly from: string;
  readonly to: string;
}

export interface RelocationContext {
  readonly signal: AbortSignal;
  /** Holds back the bytes that are copied. */
  readonly throttle?: Throttle | undefined;
  /** The transaction that makes a copy count; resolves what `work` does. It may throw to refuse. */
  commit(work: (repositories: MetadataWriter) => Promise<boolean>): Promise<boolean>;
}

/**
 * Brings a blob from one store to another: copies it while hashing, reads it again from the far store and hashes that, and only then
 * exchanges the placements in one transaction. The old bytes stay until purge finds them retired for the grace time, so readers that are
 * under way finish. May be cut off anywhere and repeated. Resolves false when there was nothing to do.
 */
export async function relocate(
  dependencies: RelocationDependencies,
  job: Relocation,
  context: RelocationContext,
): Promise<boolean> {
  const { metadata, telemetry } = dependencies;
  const blob = await metadata.blobs.find(job.blobId);
  if (blob === undefined || !(await isNeeded(dependencies, blob, job))) return false;
  try {
    const moved = await new Carrier(dependencies, blob, job, context).run();
    telemetry.relocated(job.from, job.to, moved ? 'ok' : 'refused', moved ? blob.size : 0);
    return moved;
  } catch (error) {
    telemetry.relocated(job.from, job.to, toOsproxyError(error).code, 0);
    throw error;
  }
}

async function isNeeded(
  { metadata }: RelocationDependencies,
  blob: PlacedBlob,
  job: Relocation,
): Promise<boolean> {
  if (!blob.placements.some(({ store }) => store === job.from)) return false;
  const live = await metadata.blobs.findLive(blob.sha256, blob.size);
  return live?.id === blob.id;
}

class Carrier {
  readonly #dependencies: RelocationDependencies;
  readonly #blob: PlacedBlob;
  readonly #job: Relocation;
  readonly #context: RelocationContext;

  constructor(
    dependencies: RelocationDependencies,
    blob: PlacedBlob,
    job: Relocation,
    context: RelocationContext,
  ) {
    this.#dependencies = dependencies;
    this.#blob = blob;
    this.#job = job;
    this.#context = context;
  }

  async run(): Promise<boolean> {
    const { stores } = this.#dependencies;
    const { from, to } = this.#job;
    const leaving = this.#blob.placements.filter(({ store }) => store === from);
    const there = this.#blob.placements.filter((one) => one.store === to && stores.isReachable(one));
    for (const placement of there) {
      if (await this.#isIntact(placement)) return this.#exchange(leaving, undefined);
    }
    // A copy that is there and not intact goes as well: a reader could take it for a good one.
    const target = await this.#copy(there);
    return this.#exchange([...leaving, ...there], target);
  }

  async #copy(bad: readonly Placement[]): Promise<Placement> {
    const { stores, downloads, workers, keys } = this.#dependencies;
    const { id, size, sha256, md5, placements } = this.#blob;
    const { signal, throttle } = this.#context;
    const target = stores.newPlacement(keys.next(), this.#job.to);
    const readable = placements.filter((placement) => !bad.includes(placement));
    const part = { blobId: id, size, placements: readable };
    const body = await downloads.read({ file: { size }, parts: [part] }, undefined, signal);
    try {
      const input = throttle === undefined ? body.chunks : throttled(body.chunks, throttle, signal);
      const options = { md5: false, sha1: false, expect: { size, sha256 }, signal };
      const source = await hashedSource(input, options, workers);
      await stores.driver(target.store).put(target.key, source, { signal, md5 });
    } catch (error) {
      throw isOsproxyError(error, 'ChecksumMismatch') ? this.#damaged(error) : error;
    } finally {
      await body.close();
    }
    try {
      if (await this.#isIntact(target)) return target;
      throw new OsproxyError('Internal', `Store "${target.store}" gave back other bytes than it was given.`);
    } catch (error) {
      await this.#discard(target);
      throw error;
    }
  }

  /** The honest way to know what a store has is to read it again; whatever checksum it reports was computed before it kept the bytes. */
  async #isIntact(placement: Placement): Promise<boolean> {
    const { stores, workers } = this.#dependencies;
    const { signal } = this.#context;
    const { key } = placement;
    const driver = stores.at(placement);
    try {
      const { size } = await driver.stat(key, { signal });
      return (
        size === this.#blob.size && (await sha256Stored(driver, key, workers, signal)) === this.#blob.sha256
      );
    } catch (error) {
      throwIfCancelled(signal);
      if (isOsproxyError(error, 'NotFound')) return false;
      throw error;
    }
  }

  async #exchange(leaving: readonly Placement[], target: Placement | undefined): Promise<boolean> {
    const { clock } = this.#dependencies;
    let exchanged: boolean;
    try {
      exchanged = await this.#context.commit(async (repositories) => {
        const now = clock.now();
        let next = target;
        for (const placement of leaving) {
          if (!(await repositories.placements.relocate(this.#blob.id, placement, next, now))) continue;
          next = undefined;
        }
        return target === undefined ? true : next === undefined;
      });
    } catch (error) {
      // Where the outcome is not known the copy may count: purge decides later.
      const unknown = isOsproxyError(error, 'Unavailable') || isOsproxyError(error, 'Internal');
      if (target !== undefined && !unknown) await this.#discard(target);
      throw error;
    }
    if (!exchanged && target !== undefined) await this.#discard(target);
    return exchanged;
  }

  async #discard({ store, key }: Placement): Promise<void> {
    await this.#dependencies.stores
      .driver(store)
      .delete(key)
      .catch(() => {});
  }

  #damaged(cause: unknown): OsproxyError {
    return new OsproxyError(
      'Internal',
      `The bytes in store "${this.#job.from}" are not those that were recorded; run "osproxy fsck --deep".`,
      { cause },
    );
  }
}
