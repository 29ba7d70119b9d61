import type { DriveRecord, DriveUpload } from '../../model/entry.ts';
import type { Uid } from '../../model/uid.ts';

/** What a drive's counts grow by; negative to shrink. */
export interface DriveGrowth {
  readonly used?: number;
  readonly reserved?: number;
  readonly files?: number;
}

/** A folder whose entries a task has yet to copy or to remove. */
export interface QueuedFolder {
  readonly jobId: string;
  readonly folderId: string;
  /** The folder that it is a copy of; undefined where it is removed. */
  readonly sourceId: string | undefined;
  /** Name key of the source's last entry that was copied. */
  readonly after: string | undefined;
}

/** What a task of a drive does. */
export interface DriveJob {
  /** That of the task. */
  readonly id: string;
  readonly userId: string;
  readonly kind: 'copy' | 'delete';
  /** Folder that a copy grows in, unseen until it is whole. */
  readonly stagingId: string | undefined;
  /** Bytes that are reserved for a copy and not used yet. */
  readonly reserved: number;
  /** Entries. */
  readonly done: number;
  readonly total: number | undefined;
  readonly createdAt: number;
}

export interface DriveQueries {
  find(userId: string): Promise<DriveRecord | undefined>;
  findUpload(uid: Uid): Promise<DriveUpload | undefined>;
  /** A person's open uploads in descending order of uids; `after` exclusive. At most 1000. */
  uploads(userId: string, after: Uid | undefined, limit: number): Promise<readonly DriveUpload[]>;
  findJob(id: string): Promise<DriveJob | undefined>;
  /** In ascending order of ids; `after` exclusive. At most 1000. */
  jobs(after: string | undefined, limit: number): Promise<readonly DriveJob[]>;
  /** A folder that waits; any. */
  nextQueued(jobId: string): Promise<QueuedFolder | undefined>;
}

export interface DriveCommands {
  /** False where the person has one. */
  insert(drive: DriveRecord): Promise<boolean>;
  /** Locks the row: whoever changes a person's folders does so first, and sees what the one before did. */
  lock(userId: string): Promise<DriveRecord | undefined>;
  /** Changes the counts, and locks the row. With `quota`, false and nothing changed where more than so many bytes would be used and reserved. */
  grow(userId: string, by: DriveGrowth, quota?: number): Promise<boolean>;
  end(userId: string, at: number): Promise<void>;
  remove(userId: string): Promise<void>;
  insertUpload(upload: DriveUpload): Promise<void>;
  /** False when it is gone. */
  removeUpload(uid: Uid): Promise<boolean>;
  insertJob(job: DriveJob): Promise<void>;
  saveJob(job: DriveJob): Promise<void>;
  removeJob(id: string): Promise<void>;
  queue(folders: readonly QueuedFolder[]): Promise<void>;
  setQueued(folder: QueuedFolder): Promise<void>;
  unqueue(jobId: string, folderIds: readonly string[]): Promise<void>;
}
