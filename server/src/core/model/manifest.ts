/** The ordered blobs that make up a content; immutable once written, shared by files of equal verified content. */
export interface Manifest {
  readonly id: string;
  /** Bytes. */
  readonly size: number;
  /** Known when verified: computed by this service over the whole content. Lower-case hex. */
  readonly sha256: string | undefined;
  readonly md5: string | undefined;
  readonly sha1: string | undefined;
  readonly verified: boolean;
  readonly createdAt: number;
  readonly parts: readonly ManifestPart[];
}

export interface ManifestPart {
  readonly blobId: string;
  /** Bytes. */
  readonly size: number;
}
