import type { Category } from '../categories.ts';

/** Which files a rule or a move is about; every given condition must hold, none given means all files. */
export interface FileMatch {
  readonly category?: Category | undefined;
  /** Lower case, without the dot. */
  readonly extensions?: readonly string[] | undefined;
  /** Bytes, inclusive. */
  readonly minSize?: number | undefined;
  /** Bytes, inclusive. */
  readonly maxSize?: number | undefined;
  readonly owner?: string | undefined;
  /** Id of the service key that sent the file; known while it is uploaded, not afterwards. */
  readonly key?: string | undefined;
  /** Name of the group of the person who sent the file; known while it is uploaded, not afterwards. */
  readonly group?: string | undefined;
}

/** done: everything was looked at; what failed stayed where it was. done and cancelled are final, but a done one can be resumed for its failures. */
export type MoveState = 'running' | 'paused' | 'cancelled' | 'done';

interface MoveCounts {
  /** Files whose first bytes are among the blobs. */
  readonly files: number;
  readonly blobs: number;
  readonly bytes: number;
}

/** The act of bringing every matching blob of one store to another. */
export interface MoveRecord {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly match: FileMatch;
  readonly bytesPerSecond: number | undefined;
  readonly state: MoveState;
  /** Grows with each resume; work begun in an earlier run is refused. */
  readonly run: number;
  /** Blobs with a greater id came after the move began and stay. */
  readonly lastBlob: string;
  /** Blobs up to this id were looked at in this run. */
  readonly afterBlob: string | undefined;
  /** What there was to do at the beginning; undefined until it is counted. */
  readonly total: MoveCounts | undefined;
  readonly done: MoveCounts;
  readonly failedBlobs: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly endedAt: number | undefined;
}

export interface MoveFailure {
  readonly blobId: string;
  /** A sentence for people. */
  readonly reason: string;
  readonly at: number;
}
