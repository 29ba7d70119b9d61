import { throwIfCancelled } from './cancellation.ts';
import { firstReadable, isGood } from './copies.ts';
import { isOsproxyError, OsproxyError } from './errors.ts';
import type { HashWorkers } from './hashing/hash-workers.ts';
import { type HashedSource, hashedSource } from './hashing/hashed-source.ts';
import type { Digests, Expectation, Placement } from './model/blob.ts';
import type { Manifest } from './model/manifest.ts';
import type { Clock } from './ports/clock.ts';
import type { IdSource } from './ports/ids.ts';
import type { Metadata, MetadataWriter } from './ports/metadata.ts';
import type { StorageKeys } from './storage-keys.ts';
import type { Stores } from './stores.ts';

/** Bytes that are durable in a store and not yet named by any metadata. */
export interface LandedBytes {
  readonly digests: Digests;
  readonly placement: Placement;
  /** A live blob of the same content whose bytes turned out to be missing. */
  readonly brokenTwin: string | undefined;
}

/** Landed bytes that came from a client and were checked against what it declared. */
export interface Landed extends LandedBytes {
  /** The first bytes, for type detection. */
  readonly head: Uint8Array;
  /** A verified manifest of the same content, all of whose bytes were found in their stores; looked for where the content is whole. */
  readonly known: Manifest | undefined;
}

/** The blob that landed bytes became. */
export interface Settled {
  readonly blobId: string;
  /** False when an equal blob was here and the landed copy is not needed. */
  readonly kept: boolean;
  /** True when no blob of this content was here, so that nothing names it yet. */
  readonly isNew: boolean;
}

interface Landing {
  readonly input: AsyncIterable<Uint8Array>;
  readonly expect: Expectation;
  readonly signal: AbortSignal | undefined;
  /** Undefined: the default store. */
  readonly store: string | undefined;
  /** Computes the SHA-1 even where none is declared. */
  readonly withSha1?: boolean | undefined;
}

type Work<T> = (repositories: MetadataWriter, settle: () => Promise<Settled>) => Promise<T>;
type Transaction = Metadata['transaction'];

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

  /** Stores a part in the store, or the default one. Rejects, with nothing left behind, when it is not what was declared. */
  land(
    input: AsyncIterable<Uint8Array>,
    expect: Expectation,
    signal: AbortSignal | undefined,
    store?: string,
  ): Promise<Landed> {
    return this.#land({ input, expect, signal, store }, false);
  }

  /** As land, for a content that becomes a file by itself: also looks for a manifest of the same content. */
  landWhole(
    input: AsyncIterable<Uint8Array>,
    expect: Expectation,
    signal: AbortSignal | undefined,
    store?: string,
    withSha1?: boolean,
  ): Promise<Landed> {
    return this.#land({ input, expect, signal, store, withSha1 }, true);
  }

  /** The SHA-256 of bytes that go nowhere. */
  async digestOf(input: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<string> {
    const source = await hashedSource(input, { md5: false, sha1: false, expect: {}, signal }, this.#workers);
    for await (const _chunk of source.open()) throwIfCancelled(signal);
    return source.digests().sha256;
  }

  /** Takes over bytes that a store joined itself. */
  async adopt(placement: Placement, digests: Digests, signal: AbortSignal | undefined): Promise<LandedBytes> {
    try {
      const { brokenTwin } = await this.#lookForCopies(digests, signal, false);
      return { placement, digests, brokenTwin };
    } catch (error) {
      await this.discard(placement);
      throw error;
    }
  }

  /**
   * Runs `work` in a transaction around landed bytes, again when an equal blob appeared at the same moment. Copies that are not needed are
   * deleted, except where the outcome of the commit is unknown: then purge decides later. Throws Unavailable when the bytes cannot be named
   * because purge took them for an orphan: sent again, they get another place.
   */
  async commit<T>(
    landed: LandedBytes,
    work: Work<T>,
    transaction: Transaction = (run) => this.#metadata.transaction(run),
  ): Promise<T> {
    let needed = false;
    try {
      return await this.#commit(landed, work, transaction, (kept) => {
        needed = kept;
      });
    } catch (error) {
      needed = needed && !isDefinite(error);
      throw error;
    } finally {
      if (!needed) await this.discard(landed.placement);
    }
  }

  /** Runs a check on landed bytes; where it throws they are discarded. */
  async keepIf(landed: LandedBytes, check: () => void): Promise<void> {
    try {
      check();
    } catch (error) {
      await this.discard(landed.placement);
      throw error;
    }
  }

  /** Deletes landed bytes that nothing names; what cannot be deleted now is left to purge. */
  async discard({ store, key }: Placement): Promise<void> {
    await this.#stores
      .driver(store)
      .delete(key)
      .catch(() => {});
  }

  async #land({ input, expect, signal, store, withSha1 }: Landing, whole: boolean): Promise<Landed> {
    const md5 = this.#md5 === 'always' || expect.md5 !== undefined;
    const sha1 = withSha1 === true || expect.sha1 !== undefined;
    const options = { md5, sha1, expect, signal };
    const source = await hashedSource(input, options, this.#workers);
    const placement = await this.#put(source, { expect, signal, store });
    try {
      const digests = source.digests();
      const copies = await this.#lookForCopies(digests, signal, whole);
      return { digests, placement, head: source.head(), ...copies };
    } catch (error) {
      await this.discard(placement);
      throw error;
    }
  }

  async #put(source: HashedSource, { expect, signal, store }: Omit<Landing, 'input'>): Promise<Placement> {
    try {
      throwIfCancelled(signal);
      const placement = this.#stores.newPlacement(this.#keys.next(), store);
      await this.#stores.driver(placement.store).put(placement.key, source, { signal, md5: expect.md5 });
      return placement;
    } catch (error) {
      source.cancel();
      throw isRefusal(error) ? takesNothing(error) : error;
    }
  }

  async #commit<T>(
    landed: LandedBytes,
    work: Work<T>,
    transaction: Transaction,
    note: (kept: boolean) => void,
  ): Promise<T> {
    let collision: unknown;
    for (let attempt = 1; attempt <= SETTLE_ATTEMPTS; attempt += 1) {
      collision = undefined;
      try {
        return await transaction((repositories) => {
          // A transaction may run more than once; only the last run counts.
          note(false);
          return work(repositories, async () => {
            try {
              const settled = await this.#settle(repositories, landed);
              note(settled.kept);
              return settled;
            } catch (error) {
              if (isOsproxyError(error, 'AlreadyExists')) collision = error;
              throw error;
            }
          });
        });
      } catch (error) {
        if (collision === undefined || error !== collision) throw error;
      }
    }
    note(false);
    throw new OsproxyError('Unavailable', 'The content could not be recorded in time; send it again.', {
      cause: collision,
    });
  }

  async #settle(repositories: MetadataWriter, landed: LandedBytes): Promise<Settled> {
    const { digests, placement } = landed;
    const twin = await repositories.blobs.findLive(digests.sha256, digests.size);
    if (twin !== undefined && (await repositories.blobs.claim(twin.id))) {
      if (twin.id !== landed.brokenTwin) return { blobId: twin.id, kept: false, isNew: false };
      await replaceLost(repositories, twin.id, placement, this.#clock.now());
      return { blobId: twin.id, kept: true, isNew: false };
    }
    const id = this.#ids.next();
    await repositories.blobs.insert({ id, ...digests, createdAt: this.#clock.now() }, placement);
    return { blobId: id, kept: true, isNew: true };
  }

  /** Only a copy that can really be read may replace the one that just arrived. */
  async #lookForCopies(
    { sha256, size }: Digests,
    signal: AbortSignal | undefined,
    whole: boolean,
  ): Promise<{ brokenTwin: string | undefined; known: Manifest | undefined }> {
    const metadata = this.#metadata;
    const stores = this.#stores;
    const twin = await metadata.blobs.findLive(sha256, size);
    const good = twin !== undefined && (await isGood({ metadata, stores }, twin, signal));
    const brokenTwin = good ? undefined : twin?.id;
    if (!whole) return { brokenTwin, known: undefined };
    const manifests = await metadata.manifests.findVerified({ sha256 }, size);
    const sure = good ? twin.id : undefined;
    return { brokenTwin, known: await firstReadable({ metadata, stores }, manifests, signal, sure) };
  }
}

/** The good bytes that arrived take the place of those that are known to be wrong. */
async function replaceLost(
  repositories: MetadataWriter,
  blobId: string,
  placement: Placement,
  now: number,
): Promise<void> {
  let next: Placement | undefined = placement;
  for (const lost of await repositories.scrubs.lost(blobId)) {
    if (await repositories.placements.relocate(blobId, lost, next, now)) next = undefined;
  }
  if (next !== undefined) await repositories.blobs.addPlacement(blobId, next);
  await repositories.scrubs.forgetBlob(blobId);
}

/** True when the failure says for sure that nothing was committed. */
function isDefinite(error: unknown): boolean {
  return error instanceof OsproxyError && error.code !== 'Unavailable' && error.code !== 'Internal';
}

/** True when a store refuses to take bytes for a reason that lies with the store, not with whoever sends them. */
function isRefusal(error: unknown): boolean {
  return isOsproxyError(error, 'PermissionDenied') || isOsproxyError(error, 'NotFound');
}

function takesNothing(cause: unknown): OsproxyError {
  return new OsproxyError('Unavailable', 'The store takes no new content at the moment; try again later.', {
    cause,
    retryAfterSeconds: 5,
  });
}
