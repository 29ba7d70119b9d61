/**
 * Immutable bytes that this service hashed itself; no name, no owner. Live until it is condemned: garbage for good, its bytes are being deleted, and it
 * can never be referenced again.
 */
export interface Blob {
  readonly id: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly md5: string | undefined;
  readonly sha1: string | undefined;
  /** Bytes. */
  readonly size: number;
  readonly createdAt: number;
}

/** A blob's bytes in one store. */
export interface Placement {
  /** Name of the configured store. */
  readonly store: string;
  /** Node that holds the bytes when the store is node-local. */
  readonly node: string | undefined;
  /** Opaque key inside the store; never shown outside. */
  readonly key: string;
}

export interface PlacedBlob extends Blob {
  readonly placements: readonly Placement[];
}

export interface Digests {
  /** Bytes seen. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly md5: string | undefined;
  readonly sha1: string | undefined;
}

/** What a client declared about bytes it sends; every given field is checked before anything is committed. */
export interface Expectation {
  readonly size?: number | undefined;
  readonly sha256?: string | undefined;
  readonly md5?: string | undefined;
  readonly sha1?: string | undefined;
}
