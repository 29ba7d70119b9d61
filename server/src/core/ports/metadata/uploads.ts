import type { Uid } from '../../model/uid.ts';
import type { PartRecord, UploadRecord } from '../../model/upload.ts';

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
