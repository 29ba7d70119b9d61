import type { FileContent, FileRecord } from '../../model/file.ts';
import type { Manifest } from '../../model/manifest.ts';
import type { Uid } from '../../model/uid.ts';

/** Keyset page: items after `after` in descending uid order; `limit` 1 to 1000. */
export interface FilePageQuery {
  /** undefined lists every owner's files. */
  readonly owner: string | undefined;
  readonly after: Uid | undefined;
  /** The page ends above this uid: only greater ones. */
  readonly above?: Uid | undefined;
  readonly limit: number;
  /** Only names that start with this. */
  readonly namePrefix: string | undefined;
}

export interface FileQueries {
  /** Any state. */
  find(uid: Uid): Promise<FileRecord | undefined>;
  /** Several at once, in no particular order; absent ones are left out. At most 1000. */
  findMany(uids: readonly Uid[]): Promise<readonly FileRecord[]>;
  /** The file with its parts in order and every placement; undefined for one that is deleted. */
  content(uid: Uid): Promise<FileContent | undefined>;
  /** Files of any state but deleted. */
  list(query: FilePageQuery): Promise<readonly FileRecord[]>;
  /** Walks files of any state but deleted in ascending uid order, for fsck; `after` exclusive. */
  scan(after: Uid | undefined, limit: number): Promise<readonly FileRecord[]>;
}

export interface FileCommands {
  /** Rejects with AlreadyExists when the uid is taken. */
  insert(file: FileRecord): Promise<void>;
  /** As insert. */
  insertMany(files: readonly FileRecord[]): Promise<void>;
  rename(uid: Uid, name: string, contentType: string, at: number): Promise<void>;
  /** Locks the row against concurrent writers until the transaction ends. Any state. */
  lock(uid: Uid): Promise<FileRecord | undefined>;
  /** Makes a held file ready; false when it is not held any more. */
  release(uid: Uid, at: number): Promise<boolean>;
  /** False when it is deleted already. */
  markDeleted(uid: Uid, at: number): Promise<boolean>;
  /** As markDeleted, for at most 1000. */
  markManyDeleted(uids: readonly Uid[], at: number): Promise<void>;
  /** Compare-and-set: false unless the file is ready or held and still has manifest `from`. Takes digests and verified from `to`. */
  swapManifest(uid: Uid, from: string, to: Manifest, at: number): Promise<boolean>;
  /** Writes what verification found into file and manifest; false unless the file is ready or held and still has this manifest. */
  markVerified(
    uid: Uid,
    manifestId: string,
    digests: { sha256: string; md5: string | undefined; sha1: string | undefined },
    at: number,
  ): Promise<boolean>;
  /** False unless the file is ready or held and still has this manifest. */
  markRejected(uid: Uid, manifestId: string, reason: string, at: number): Promise<boolean>;
  /** Raises linkEpoch by one: every signed link made before is void. */
  bumpLinkEpoch(uid: Uid, at: number): Promise<void>;
  /** Removes the rows of files deleted at or before `cutoff`, with their links; returns how many. */
  removeDeleted(cutoff: number, limit: number): Promise<number>;
}
