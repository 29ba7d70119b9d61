import type { DriveJob, DriveRecord, DriveUpload } from '../../model/entry.ts';
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

/** What a drive has, counted from its rows. */
export type DriveCount = Pick<DriveRecord, 'usedBytes' | 'reservedBytes' | 'files'>;

export interface DriveQueries {
  find(userId: string): Promise<DriveRecord | undefined>;
  /** Walks drives in ascending order of user ids, for fsck; `after` exclusive. At most 1000. */
  scan(after: string | undefined, limit: number): Promise<readonly DriveRecord[]>;
  /** Of all entries, versions, open uploads and unfinished work of a person. Looks at all of them: for fsck. */
  counted(userId: string): Promise<DriveCount>;
  findUpload(uid: Uid): Promise<DriveUpload | undefined>;
  /** A person's open uploads in descending order of uids; `after` exclusive. At most 1000. */
  uploads(userId: string, after: Uid | undefined, limit: number): Promise<readonly DriveUpload[]>;
  findJob(id: string): Promise<DriveJob | undefined>;
  /** Those that have work left, in no particular order. At most 1000. */
  unfinishedJobs(limit: number): Promise<readonly DriveJob[]>;
  /** A person's, in no particular order. At most 1000. */
  unfinishedJobsOf(userId: string, limit: number): Promise<readonly DriveJob[]>;
  /** Some folders that wait. At most 1000. */
  queued(jobId: string, limit: number): Promise<readonly QueuedFolder[]>;
}

export interface DriveCommands {
  /** False where the person has one. */
  insert(drive: DriveRecord): Promise<boolean>;
  /** Locks the row: whoever changes a person's folders does so first, and sees what the one before did. */
  lock(userId: string): Promise<DriveRecord | undefined>;
  /** Changes the counts, and locks the row. */
  grow(userId: string, by: DriveGrowth): Promise<void>;
  /**
   * As grow, for what comes in: false and nothing changed where more bytes than `quota` would be used and reserved, where the drive has ended, and where there is
   * none. `quota` undefined: any number.
   */
  take(userId: string, by: DriveGrowth, quota: number | undefined): Promise<boolean>;
  end(userId: string, at: number): Promise<void>;
  remove(userId: string): Promise<void>;
  insertUpload(upload: DriveUpload): Promise<void>;
  /** False when it is gone. */
  removeUpload(uid: Uid): Promise<boolean>;
  insertJob(job: DriveJob): Promise<void>;
  saveJob(job: DriveJob): Promise<void>;
  /** Removes jobs that ended at or before `cutoff`; returns how many. */
  removeEndedJobs(cutoff: number, limit: number): Promise<number>;
  queue(folders: readonly QueuedFolder[]): Promise<void>;
  setQueued(folder: QueuedFolder): Promise<void>;
  unqueue(jobId: string, folderIds: readonly string[]): Promise<void>;
}
