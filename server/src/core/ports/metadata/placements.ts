import type { PlacedBlob, Placement } from '../../model/blob.ts';
import type { Uid } from '../../model/uid.ts';

/** Bytes and objects of one store, as the database has them. */
export interface StoreUsage {
  readonly store: string;
  readonly objects: number;
  readonly bytes: number;
}

/** A ready or held file and one blob that its manifest names. */
export interface Naming {
  readonly blobId: string;
  readonly uid: Uid;
  /** True when the file begins with this blob. */
  readonly first: boolean;
  readonly name: string;
  readonly owner: string;
  /** Bytes of the whole file. */
  readonly size: number;
}

export interface PlacementQueries {
  /** Walks live blobs that have a placement in the store in ascending id order; `after` exclusive, `last` inclusive. */
  blobsIn(
    store: string,
    after: string | undefined,
    last: string,
    limit: number,
  ): Promise<readonly PlacedBlob[]>;
  /** The ready and held files that name these blobs, at most 1000 ids. */
  naming(blobIds: readonly string[]): Promise<readonly Naming[]>;
  /** One page of a walk over all placements: sums by store, and where the next page begins; undefined at the end. */
  usage(
    after: string | undefined,
    limit: number,
  ): Promise<{ readonly stores: readonly StoreUsage[]; readonly next: string | undefined }>;
  /** Placements retired at or before `cutoff` whose bytes are still to be deleted, oldest row first; `after` is a position, exclusive. */
  retired(
    cutoff: number,
    after: string | undefined,
    limit: number,
  ): Promise<readonly (Placement & { readonly position: string })[]>;
}

export interface PlacementCommands {
  /**
   * Adds `to`, where given, and retires `from` at `at`: readers that know it may go on until its bytes are deleted. False, and nothing
   * changes, unless the blob is live and has `from`. Rejects with AlreadyExists when the key of `to` is taken or doomed.
   */
  relocate(id: string, from: Placement, to: Placement | undefined, at: number): Promise<boolean>;
  /** Says that the bytes of a retired placement are gone; its key stays doomed from `at` on. */
  forgetRetired(store: string, key: string, at: number): Promise<void>;
}
