import type { Digests } from './blob.ts';
import type { Uid } from './uid.ts';

/** open: takes parts. completed: a file with the same uid exists. aborted: ended by the client or by expiry. */
export type UploadState = 'open' | 'completed' | 'aborted';

export const MAX_PARTS = 10_000;

/** The resumable act that collects parts and then becomes the file of the same uid. */
export interface UploadRecord {
  readonly uid: Uid;
  readonly owner: string;
  readonly name: string;
  readonly state: UploadState;
  /** Declared for the whole content; checked at complete and again by verification. Bytes; hex in lower case. */
  readonly size: number | undefined;
  readonly md5: string | undefined;
  readonly sha256: string | undefined;
  /** Advice to the client; parts of any size are accepted. Bytes. */
  readonly partSize: number;
  /** Store that takes the parts, chosen when the upload began; undefined: the default store. */
  readonly store: string | undefined;
  /** Store that the finished file is transferred to in the background. */
  readonly transferTo: string | undefined;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly completedAt: number | undefined;
}

/** A numbered byte run of an upload, stored as one blob. */
export interface PartRecord {
  /** 1 to 10 000. */
  readonly number: number;
  readonly blobId: string;
  readonly size: number;
  readonly md5: string | undefined;
  readonly sha256: string;
  /** Content type found in the first bytes; kept for part 1 only. */
  readonly contentType: string | undefined;
  readonly createdAt: number;
}

/** The digests of parts as one content, and which parts those were. */
export interface HashedParts {
  readonly digests: Digests;
  readonly blobIds: readonly string[];
  /** The first bytes, for type detection. */
  readonly head: Uint8Array;
}
