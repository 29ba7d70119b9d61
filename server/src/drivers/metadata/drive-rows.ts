import type { Id, Num, OptionalId, OptionalNum } from './columns.ts';

export interface DriveTable {
  user_id: Id;
  root_id: Id;
  used_bytes: Num;
  reserved_bytes: Num;
  files: Num;
  /** Grows with each change of the person's folders. */
  changes: Num;
  created_at: Num;
  ended_at: OptionalNum;
}

export interface DriveUploadTable {
  uid: Id;
  user_id: Id;
  parent_id: Id;
  name: string;
  conflict: string;
  size: Num;
  created_at: Num;
}

export interface EntryTable {
  id: Id;
  user_id: Id;
  /** Place in ENTRY_KINDS. */
  kind: Num;
  name: string;
  name_key: string;
  parent_id: OptionalId;
  /** As parent_id while it is in its place, else null: unique with the key, so that one live entry has each name. */
  live_parent: OptionalId;
  file_uid: OptionalId;
  size: Num;
  content_type: string | null;
  version: Num;
  starred_at: OptionalNum;
  created_at: Num;
  modified_at: Num;
  updated_at: Num;
  trashed_at: OptionalNum;
  trashed_from: string | null;
  job_id: OptionalId;
}

export interface EntryVersionTable {
  entry_id: Id;
  version: Num;
  file_uid: Id;
  size: Num;
  content_type: string;
  modified_at: Num;
}

export interface DriveJobTable {
  id: Id;
  user_id: Id;
  kind: string;
  state: string;
  error: string | null;
  source_id: OptionalId;
  parent_id: OptionalId;
  name: string | null;
  conflict: string | null;
  staging_id: OptionalId;
  reserved: Num;
  done: Num;
  total: OptionalNum;
  created_at: Num;
  ended_at: OptionalNum;
}

export interface DriveQueueTable {
  job_id: Id;
  folder_id: Id;
  source_id: OptionalId;
  after: string | null;
}

export interface DriveTables {
  drives: DriveTable;
  drive_uploads: DriveUploadTable;
  entries: EntryTable;
  entry_versions: EntryVersionTable;
  drive_jobs: DriveJobTable;
  drive_queue: DriveQueueTable;
}
