import type { Blob, PlacedBlob, Placement } from '../../model/blob.ts';

export interface BlobQueries {
  /** The live blob of this identity. */
  findLive(sha256: string, size: number): Promise<PlacedBlob | undefined>;
  find(id: string): Promise<PlacedBlob | undefined>;
  /**
   * Which of these keys of the store a placement names, those of condemned blobs and retired ones included. A doomed key is not among them: as long as its
   * bytes are listed they are an orphan's. At most 1000 keys.
   */
  knownKeys(store: string, keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** Walks condemned blobs, whose bytes may still be there, in ascending id order; `after` exclusive. */
  condemned(after: string | undefined, limit: number): Promise<readonly PlacedBlob[]>;
  /** Walks live blobs in ascending id order, for fsck; `after` exclusive. */
  scan(after: string | undefined, limit: number): Promise<readonly PlacedBlob[]>;
}

export interface BlobCommands {
  /** Rejects with AlreadyExists when a live blob of this identity exists or the store's key is taken or doomed. */
  insert(blob: Blob, placement: Placement): Promise<void>;
  /** Takes a reference: clears the idle mark. False when the blob is condemned or gone, then it must not be used. */
  claim(id: string): Promise<boolean>;
  /** Rejects with AlreadyExists when the store's key is taken or doomed. */
  addPlacement(id: string, placement: Placement): Promise<void>;
  removePlacement(id: string, placement: Placement): Promise<void>;
  /** Says that a reference went away at `at`; purge looks at the blob when that is a grace time ago. */
  markIdle(ids: readonly string[], at: number): Promise<void>;
  /**
   * Looks at up to `limit` live blobs idle since `cutoff` or longer: one that a manifest or a part of an open upload names loses its mark, the
   * others become condemned and are returned. Excludes claim() in the database. Nothing is left when it `looked` at none.
   */
  condemnIdle(
    cutoff: number,
    limit: number,
  ): Promise<{ readonly looked: number; readonly condemned: readonly PlacedBlob[] }>;
  /** Removes condemned blobs and their placements, after their bytes are gone. */
  remove(ids: readonly string[]): Promise<void>;
  /** Reserves an orphan's key so that no placement can ever name it; false when a placement names it already. */
  doom(store: string, key: string, at: number): Promise<boolean>;
  /** Forgets doomed keys reserved at or before `cutoff`. */
  forgetDoomed(cutoff: number, limit: number): Promise<number>;
}
