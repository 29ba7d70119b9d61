import type { Blob, PlacedBlob, Placement } from '../model/blob.ts';
import type { FileContent, FileRecord } from '../model/file.ts';
import type { Lease, NodeRecord } from '../model/lease.ts';
import type { LinkRecord } from '../model/link.ts';
import type { Manifest } from '../model/manifest.ts';
import type { MoveFailure, MoveRecord } from '../model/move.ts';
import type { ServiceKey } from '../model/principal.ts';
import type { StoreMark } from '../model/store-mark.ts';
import type { NewTask, TaskAttempt, TaskRecord, TaskState } from '../model/task.ts';
import type { Uid } from '../model/uid.ts';
import type { PartRecord, UploadRecord } from '../model/upload.ts';

/** Keyset page: items after `after` in descending uid order; `limit` 1 to 1000. */
export interface FilePageQuery {
  /** undefined lists every owner's files. */
  readonly owner: string | undefined;
  readonly after: Uid | undefined;
  readonly limit: number;
  /** Only names that start with this. */
  readonly namePrefix: string | undefined;
}

export interface FileQueries {
  /** Any state. */
  find(uid: Uid): Promise<FileRecord | undefined>;
  /** Several at once, in no particular order; absent ones are left out. At most 1000. */
  findMany(uids: readonly Uid[]): Promise<readonly FileRecord[]>;
  /** The file with its parts in order and every placement; undefined unless it is ready or rejected. */
  content(uid: Uid): Promise<FileContent | undefined>;
  /** Files that are ready or rejected. */
  list(query: FilePageQuery): Promise<readonly FileRecord[]>;
  /** Walks files that are ready or rejected in ascending uid order, for fsck; `after` exclusive. */
  scan(after: Uid | undefined, limit: number): Promise<readonly FileRecord[]>;
}

export interface FileCommands {
  /** Rejects with AlreadyExists when the uid is taken. */
  insert(file: FileRecord): Promise<void>;
  rename(uid: Uid, name: string, contentType: string, at: number): Promise<void>;
  /** False when it is not ready or rejected any more. */
  markDeleted(uid: Uid, at: number): Promise<boolean>;
  /** Compare-and-set: false unless the file is ready and still has manifest `from`. Takes digests and verified from `to`. */
  swapManifest(uid: Uid, from: string, to: Manifest, at: number): Promise<boolean>;
  /** Writes what verification found into file and manifest; false unless the file is ready and still has this manifest. */
  markVerified(
    uid: Uid,
    manifestId: string,
    digests: { sha256: string; md5: string | undefined; sha1: string | undefined },
    at: number,
  ): Promise<boolean>;
  /** False unless the file is ready and still has this manifest. */
  markRejected(uid: Uid, manifestId: string, reason: string, at: number): Promise<boolean>;
  /** Raises linkEpoch by one: every signed link made before is void. */
  bumpLinkEpoch(uid: Uid, at: number): Promise<void>;
  /** Removes the rows of files deleted at or before `cutoff`, with their links; returns how many. */
  removeDeleted(cutoff: number, limit: number): Promise<number>;
}

export interface UploadQueries {
  find(uid: Uid): Promise<UploadRecord | undefined>;
  /** Ascending by number. */
  parts(uid: Uid): Promise<readonly PartRecord[]>;
  findPart(uid: Uid, number: number): Promise<PartRecord | undefined>;
  /** Open uploads whose expiresAt is at or before `now`, oldest first. */
  expired(now: number, limit: number): Promise<readonly UploadRecord[]>;
}

export interface UploadCommands {
  /** Rejects with AlreadyExists when the uid is taken. */
  insert(upload: UploadRecord): Promise<void>;
  /** Locks the row against concurrent writers of this upload until the transaction ends. */
  lock(uid: Uid): Promise<UploadRecord | undefined>;
  /** Adds the part or replaces the one with its number. */
  putPart(uid: Uid, part: PartRecord): Promise<void>;
  complete(uid: Uid, at: number): Promise<void>;
  abort(uid: Uid, at: number): Promise<void>;
  extend(uid: Uid, expiresAt: number): Promise<void>;
  /** Removes completed and aborted uploads that ended at or before `cutoff`, with their part rows; returns how many. */
  removeEnded(cutoff: number, limit: number): Promise<number>;
}

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

/** Bytes and objects of one store, as the database has them. */
export interface StoreUsage {
  readonly store: string;
  readonly objects: number;
  readonly bytes: number;
}

/** A ready file and one blob that its manifest names. */
export interface Naming {
  readonly blobId: string;
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
  /** The ready files that name these blobs, at most 1000 ids. */
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

export interface MoveQueries {
  find(id: string): Promise<MoveRecord | undefined>;
  /** Newest first. */
  list(limit: number): Promise<readonly MoveRecord[]>;
  /** Newest blob first. */
  failures(id: string, limit: number): Promise<readonly MoveFailure[]>;
}

export interface MoveCommands {
  insert(move: MoveRecord): Promise<void>;
  /** Locks the row against concurrent writers until the transaction ends. */
  lock(id: string): Promise<MoveRecord | undefined>;
  /** Writes everything that can change: state, run, position and counts. */
  save(move: MoveRecord): Promise<void>;
  /** Adds or replaces the failure of a blob; true when it is new. */
  putFailure(id: string, failure: MoveFailure): Promise<boolean>;
  clearFailures(id: string): Promise<void>;
}

export interface StoreMarkQueries {
  find(store: string, node: string | undefined): Promise<StoreMark | undefined>;
}

export interface StoreMarkCommands {
  /** Keeps the mark that is there already; returns the one that counts. */
  insert(mark: StoreMark): Promise<StoreMark>;
  setWritten(store: string, node: string | undefined): Promise<void>;
}

export interface ManifestQueries {
  find(id: string): Promise<Manifest | undefined>;
  /** Verified manifests of this content that are not about to be purged: at most 4, those of the fewest parts first, then the oldest. */
  findVerified(
    digest: { sha256?: string; md5?: string },
    size: number | undefined,
    owner: string | undefined,
  ): Promise<readonly Manifest[]>;
}

export interface ManifestCommands {
  insert(manifest: Manifest): Promise<void>;
  /** Takes a reference: clears the idle mark. False when the manifest is gone, then it must not be used. */
  claim(id: string): Promise<boolean>;
  /** Says that a file stopped naming it at `at`. */
  markIdle(id: string, at: number): Promise<void>;
  /**
   * Looks at up to `limit` manifests idle since `cutoff` or longer: one that a ready file names loses its mark, the others are removed
   * and their blobs marked idle as of `cutoff`. Excludes claim() in the database. Nothing is left when it `looked` at none.
   */
  removeIdle(cutoff: number, limit: number): Promise<{ readonly looked: number; readonly removed: number }>;
}

export interface LinkQueries {
  find(id: string): Promise<LinkRecord | undefined>;
  /** Links of a uid that are not revoked and not expired at `now`, newest first. */
  list(uid: Uid, now: number, limit: number): Promise<readonly LinkRecord[]>;
}

export interface LinkCommands {
  insert(link: LinkRecord): Promise<void>;
  /** False when there is no such link of this uid; revoking twice is fine. */
  revoke(uid: Uid, id: string, at: number): Promise<boolean>;
  /** Revokes every link of this uid; returns how many were not revoked before. */
  revokeAll(uid: Uid, at: number): Promise<number>;
  /** Counts one use; false when the link is revoked, expired at `now` or used up. */
  use(id: string, now: number): Promise<boolean>;
  /** Removes links that expired at or before `cutoff`. */
  removeExpired(cutoff: number, limit: number): Promise<number>;
}

export interface ServiceKeyQueries {
  find(id: string): Promise<ServiceKey | undefined>;
  list(): Promise<readonly ServiceKey[]>;
}

export interface ServiceKeyCommands {
  /** Rejects with AlreadyExists when the id is taken. */
  insert(key: ServiceKey): Promise<void>;
  revoke(id: string, at: number): Promise<boolean>;
  touch(id: string, at: number): Promise<void>;
}

/** Remembers the answer to a creating request under the client's own key. */
export interface IdempotencyRecord {
  readonly owner: string;
  readonly key: string;
  /** Digest of what was asked; the same key with another request is a Conflict. */
  readonly fingerprint: string;
  readonly uid: Uid;
  readonly createdAt: number;
}

export interface IdempotencyQueries {
  find(owner: string, key: string): Promise<IdempotencyRecord | undefined>;
}

export interface IdempotencyCommands {
  /** Rejects with AlreadyExists when owner and key are taken. */
  insert(record: IdempotencyRecord): Promise<void>;
  removeOld(cutoff: number, limit: number): Promise<number>;
}

export interface TaskQueries {
  find(id: string): Promise<TaskRecord | undefined>;
  /** Newest first. */
  list(filter: { type?: string; state?: TaskState }, limit: number): Promise<readonly TaskRecord[]>;
  /** Oldest first. */
  attempts(taskId: string): Promise<readonly TaskAttempt[]>;
  /** When the next claim can succeed: the earliest runAt or lease end of these types; undefined when nothing waits. */
  nextDue(types: readonly string[]): Promise<number | undefined>;
  counts(): Promise<readonly { type: string; state: TaskState; count: number }[]>;
}

export interface TaskCommands {
  /** False, and nothing is added, when a pending or running task of this type and key exists. */
  enqueue(id: string, task: NewTask, now: number): Promise<boolean>;
  /**
   * Leases the due task with the earliest runAt (pending and due, or running with its lease over), raises its fence and attempts,
   * and opens an attempt row; an attempt that a dead node left open is closed as 'lost'.
   */
  claim(
    types: readonly string[],
    node: string,
    now: number,
    leaseMs: number,
  ): Promise<TaskRecord | undefined>;
  /** Extends the lease; false when the fence has moved on or the task is not running any more. */
  heartbeat(id: string, fence: number, leaseUntil: number): Promise<boolean>;
  /** Locks the task row and says whether it is running under this fence; call first in the transaction that writes a task's effect. */
  holds(id: string, fence: number): Promise<boolean>;
  /** Ends the attempt; false, and nothing changes, when the fence has moved on. `retryAt` sets it pending again. */
  finish(id: string, fence: number, end: TaskEnd, now: number): Promise<boolean>;
  /** Sets a failed, cancelled or pending task pending with its attempts at zero, due at `runAt`. */
  retry(id: string, runAt: number): Promise<boolean>;
  /** Removes tasks that ended at or before `cutoff`, with their attempts. */
  removeEnded(cutoff: number, limit: number): Promise<number>;
}

export type TaskEnd =
  | { readonly outcome: 'done' }
  /** Recurring types go back to pending with attempts at zero. */
  | { readonly outcome: 'again'; readonly runAt: number }
  | { readonly outcome: 'retry'; readonly runAt: number; readonly error: string }
  /** The node stops: pending again, and the attempt does not count as one; what it failed with before stays. */
  | { readonly outcome: 'released'; readonly runAt: number }
  | { readonly outcome: 'failed'; readonly error: string };

export interface CoordinationCommands {
  acquireLease(name: string, holder: string, now: number, ttlMs: number): Promise<Lease | undefined>;
  renewLease(lease: Lease, now: number, ttlMs: number, value: number): Promise<Lease | undefined>;
  releaseLease(lease: Lease, value: number): Promise<void>;
  heartbeat(node: NodeRecord): Promise<void>;
  leave(nodeId: string): Promise<void>;
  /** Removes nodes silent since `cutoff`. */
  removeSilentNodes(cutoff: number): Promise<number>;
  publish(topic: string, message: string, at: number): Promise<void>;
  removeMessages(cutoff: number, limit: number): Promise<number>;
}

export interface CoordinationQueries {
  nodes(since: number): Promise<readonly NodeRecord[]>;
  /** Messages with an id above `after`, ascending; at most `limit`. */
  messages(after: number, limit: number): Promise<readonly { id: number; topic: string; message: string }[]>;
  lastMessageId(): Promise<number>;
}

/** What may be asked outside a transaction; each call sees committed data only. */
export interface MetadataReader {
  readonly files: FileQueries;
  readonly uploads: UploadQueries;
  readonly blobs: BlobQueries;
  readonly placements: PlacementQueries;
  readonly moves: MoveQueries;
  readonly marks: StoreMarkQueries;
  readonly manifests: ManifestQueries;
  readonly links: LinkQueries;
  readonly keys: ServiceKeyQueries;
  readonly idempotency: IdempotencyQueries;
  readonly tasks: TaskQueries;
  readonly coordination: CoordinationQueries;
}

/** What a transaction may do; its reads see its own writes. */
export interface MetadataWriter {
  readonly files: FileQueries & FileCommands;
  readonly uploads: UploadQueries & UploadCommands;
  readonly blobs: BlobQueries & BlobCommands;
  readonly placements: PlacementQueries & PlacementCommands;
  readonly moves: MoveQueries & MoveCommands;
  readonly marks: StoreMarkQueries & StoreMarkCommands;
  readonly manifests: ManifestQueries & ManifestCommands;
  readonly links: LinkQueries & LinkCommands;
  readonly keys: ServiceKeyQueries & ServiceKeyCommands;
  readonly idempotency: IdempotencyQueries & IdempotencyCommands;
  readonly tasks: TaskQueries & TaskCommands;
  readonly coordination: CoordinationQueries & CoordinationCommands;
}

export interface SchemaState {
  /** Migrations this build knows that the database lacks, in order. */
  readonly pending: readonly string[];
  readonly applied: readonly string[];
}

/**
 * The truth about everything but bytes. Every rejection is an OsproxyError: AlreadyExists for a broken uniqueness promise, Unavailable
 * (retryable) when the database cannot be reached or stays busy, QuotaExceeded when its disk is full, Internal otherwise.
 */
export interface Metadata extends MetadataReader {
  /**
   * Runs `work` in one serializable read-write transaction and resolves only when its writes are durable; a throw rolls
   * everything back and is passed on. `work` may be run again after a conflict and must do no I/O but through `repositories`.
   */
  transaction<T>(work: (repositories: MetadataWriter) => Promise<T>): Promise<T>;
  /** Rejects when the database does not answer. */
  ping(): Promise<void>;
  schema(): Promise<SchemaState>;
  /** Applies pending migrations, once even when several processes ask; rejects with Conflict when the database is newer than this build. */
  migrate(): Promise<SchemaState>;
  close(): Promise<void>;
}
