import { isOsproxyError, OsproxyError } from './errors.ts';
import type { HashWorkers } from './hashing/hash-workers.ts';
import { hashedSource } from './hashing/hashed-source.ts';
import type { Digests, Expectation, Placement } from './model/blob.ts';
import type { Clock } from './ports/clock.ts';
import type { IdSource } from './ports/ids.ts';
import type { Metadata, MetadataWriter } from './ports/metadata.ts';
import type { StorageKeys } from './storage-keys.ts';
import type { Stores } from './stores.ts';

/** Bytes that are durable in a store, checked against what was declared, and not yet named by any metadata. */
export interface Landed {
  readonly digests: Digests;
  readonly placement: Placement;
  /** The first bytes, for type detection. */
  readonly head: Uint8Array;
  /** A live blob of the same content whose bytes turned out to be missing. */
  readonly brokenTwin: string | undefined;
}

/** The blob that landed bytes became; `kept` is false when an equal blob was here and the landed copy is not needed. */
export interface Settled {
  readonly blobId: string;
  readonly kept: boolean;
}

const SETTLE_ATTEMPTS = 4;

/** Bytes first, commit second: a crash between the two leaves an orphan that purge finds. */
export class Ingest {
  readonly #stores: Stores;
  readonly #metadata: Metadata;
  readonly #workers: HashWorkers;
  readonly #ids: IdSource;
  readonly #keys: StorageKeys;
  readonly #clock: Clock;
  readonly #md5: 'always' | 'declared';

  constructor(options: {
    stores: Stores;
    metadata: Metadata;
    workers: HashWorkers;
    ids: IdSource;
    keys: StorageKeys;
    clock: Clock;
    md5: 'always' | 'declared';
  }) {
    this.#stores = options.stores;
    this.#metadata = options.metadata;
    this.#workers = options.workers;
    this.#ids = options.ids;
    this.#keys = options.keys;
    this.#clock = options.clock;
    this.#md5 = options.md5;
  }

  /** Stores the input in the default store. Rejects, with nothing left behind, when it is not what was declared. */
  async land(
    input: AsyncIterable<Uint8Array>,
    expect: Expectation,
    signal: AbortSignal | undefined,
  ): Promise<Landed> {
    const md5 = this.#md5 === 'always' || expect.md5 !== undefined;
    const source = await hashedSource(input, { md5, sha1: expect.sha1 !== undefined, expect }, this.#workers);
    signal?.throwIfAborted();
    const placement = this.#stores.newPlacement(this.#keys.next());
    await this.#stores.driver(placement.store).put(placement.key, source, { signal, md5: expect.md5 });
    const digests = source.digests();
    return {
      digests,
      placement,
      head: source.head(),
      brokenTwin: await this.#findBrokenTwin(digests, signal),
    };
  }

  /**
   * Runs `work` in a transaction around landed bytes, again when an equal blob appeared at the same moment. Copies that are not needed are
   * deleted, except where the outcome of the commit is unknown: then purge decides later.
   */
  async commit<T>(
    landed: Landed,
    work: (repositories: MetadataWriter, settle: () => Promise<Settled>) => Promise<T>,
  ): Promise<T> {
    let needed = false;
    try {
      for (let attempt = 1; ; attempt += 1) {
        needed = false;
        try {
          return await this.#metadata.transaction((repositories) =>
            work(repositories, async () => {
              const settled = await this.#settle(repositories, landed);
              needed = settled.kept;
              return settled;
            }),
          );
        } catch (error) {
          if (!isOsproxyError(error, 'AlreadyExists') || attempt >= SETTLE_ATTEMPTS) throw error;
        }
      }
    } catch (error) {
      needed = needed && !isDefinite(error);
      throw error;
    } finally {
      if (!needed) await this.discard(landed);
    }
  }

  /** Deletes landed bytes that nothing names; what cannot be deleted now is left to purge. */
  async discard(landed: Landed): Promise<void> {
    const { store, key } = landed.placement;
    await this.#stores
      .driver(store)
      .delete(key)
      .catch(() => {});
  }

  async #settle(repositories: MetadataWriter, landed: Landed): Promise<Settled> {
    const { digests, placement } = landed;
    const twin = await repositories.blobs.findLive(digests.sha256, digests.size);
    if (twin !== undefined && (await repositories.blobs.claim(twin.id))) {
      if (twin.id !== landed.brokenTwin) return { blobId: twin.id, kept: false };
      await repositories.blobs.addPlacement(twin.id, placement);
      return { blobId: twin.id, kept: true };
    }
    const id = this.#ids.next();
    await repositories.blobs.insert({ id, ...digests, createdAt: this.#clock.now() }, placement);
    return { blobId: id, kept: true };
  }

  /** Only a copy that can really be read may replace the one that just arrived. */
  async #findBrokenTwin(digests: Digests, signal: AbortSignal | undefined): Promise<string | undefined> {
    const twin = await this.#metadata.blobs.findLive(digests.sha256, digests.size);
    if (twin === undefined) return undefined;
    for (const placement of twin.placements) {
      if (!this.#stores.isNear(placement)) continue;
      const stat = await this.#stores
        .driver(placement.store)
        .stat(placement.key, { signal })
        .catch(() => undefined);
      if (stat?.size === digests.size) return undefined;
    }
    return twin.id;
  }
}

/** True when the failure says for sure that nothing was committed. */
function isDefinite(error: unknown): boolean {
  return error instanceof OsproxyError && error.code !== 'Unavailable' && error.code !== 'Internal';
}
