import type { Placement } from './blob.ts';
import type { Uid } from './uid.ts';

/**
 * ready: readable. held: complete, but not readable until whoever holds it back has said yes. rejected: its bytes failed verification or were refused.
 * deleted: gone for readers, bytes wait for the grace time.
 */
export type FileState = 'ready' | 'held' | 'rejected' | 'deleted';

/** What a business knows by uid. The content of a generation never changes; a manifest swap keeps the generation. */
export interface FileRecord {
  readonly uid: Uid;
  readonly owner: string;
  readonly name: string;
  readonly contentType: string;
  /** Bytes. */
  readonly size: number;
  readonly state: FileState;
  /** Why a rejected file cannot be read; a sentence for people. */
  readonly rejectedReason: string | undefined;
  readonly manifestId: string;
  /** Part of the ETag; grows when the content changes. */
  readonly generation: number;
  /** Bound into signed links; raising it revokes every link of the file. */
  readonly linkEpoch: number;
  /** Lower-case hex; declared by the client until `verified`, then computed here. */
  readonly md5: string | undefined;
  readonly sha256: string | undefined;
  /** True when this service itself hashed the whole content. */
  readonly verified: boolean;
  /** Milliseconds since the Unix epoch, as every time in the model. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly deletedAt: number | undefined;
}

/** One run of a file's bytes and every place it can be read from. */
export interface ContentPart {
  readonly blobId: string;
  readonly size: number;
  readonly placements: readonly Placement[];
}

/** A file with all that a reader needs, fetched in one step. */
export interface FileContent {
  readonly file: FileRecord;
  readonly parts: readonly ContentPart[];
}
