import type { Entry, EntryKind, EntryVersion } from '../../model/entry.ts';
import type { Uid } from '../../model/uid.ts';

export type EntrySort = 'name' | 'size' | 'time';

/** Entries of one kind in one folder; `limit` 1 to 1000. */
export interface ChildQuery {
  readonly folderId: string;
  readonly kind: EntryKind;
  /** time: when the content came. Equal ones go by id. */
  readonly sort: EntrySort;
  readonly descending: boolean;
  /** The entry that the page before ended with; its name key, size or time as it was then. */
  readonly after: { readonly value: string | number; readonly id: string } | undefined;
  readonly limit: number;
}

/** A place in a list that is ordered by a time, newest first. */
export interface TimePlace {
  readonly at: number;
  readonly id: string;
}

export interface EntryQueries {
  /** Any state. */
  find(id: string): Promise<Entry | undefined>;
  /** Any state, in no particular order; absent ones are left out. At most 1000. */
  findMany(ids: readonly string[]): Promise<readonly Entry[]>;
  /**
   * The entry and the folders above it, inside first, as far as each is in its place. The last is a root folder where the entry is there for people, and
   * something trashed or on its way where it is not. Empty for an unknown id.
   */
  lineage(id: string): Promise<readonly Entry[]>;
  /** Several lineages at once, by the id that each begins with; unknown ids are left out. At most 1000. */
  lineages(ids: readonly string[]): Promise<ReadonlyMap<string, readonly Entry[]>>;
  child(folderId: string, nameKey: string): Promise<Entry | undefined>;
  /** Which of these name keys are taken in the folder. At most 1000. */
  takenKeys(folderId: string, nameKeys: readonly string[]): Promise<ReadonlySet<string>>;
  children(query: ChildQuery): Promise<readonly Entry[]>;
  /** Of both kinds, in ascending order of name keys; `after` exclusive. At most 1000. */
  childrenByName(folderId: string, after: string | undefined, limit: number): Promise<readonly Entry[]>;
  /** Folders in any of these folders; at most `limit`. */
  foldersIn(folderIds: readonly string[], limit: number): Promise<readonly string[]>;
  /** Entries of both kinds in any of these folders, with no order; at most `limit`. */
  inAny(folderIds: readonly string[], limit: number): Promise<readonly Entry[]>;
  /** How many entries are in these folders, and the bytes of their present contents. At most 1000 folders. */
  totals(folderIds: readonly string[]): Promise<{ readonly entries: number; readonly bytes: number }>;
  /** What a person put into the trash, the last first. */
  trashed(userId: string, after: TimePlace | undefined, limit: number): Promise<readonly Entry[]>;
  /** What anybody put into the trash at or before `cutoff`, the first first. */
  trashedBefore(cutoff: number, limit: number): Promise<readonly Entry[]>;
  /** A person's files by the time of their content, the last first; some may be in the trash, by themselves or with a folder. */
  recent(userId: string, after: TimePlace | undefined, limit: number): Promise<readonly Entry[]>;
  /** What a person marked, the last first; some may be in the trash, by themselves or with a folder. */
  starred(userId: string, after: TimePlace | undefined, limit: number): Promise<readonly Entry[]>;
  /** The entry whose present content is this file. */
  findByFile(uid: Uid): Promise<Entry | undefined>;
  /** Which of these files are the content of an entry, or an earlier one. At most 1000. */
  namedFiles(uids: readonly Uid[]): Promise<ReadonlySet<Uid>>;
  /** Walks entries in ascending order of ids, for fsck; `after` exclusive. At most 1000. */
  scan(after: string | undefined, limit: number): Promise<readonly Entry[]>;
  /** Contents that a file had before, the newest first; those below `before`. At most 1000. */
  versions(entryId: string, before: number | undefined, limit: number): Promise<readonly EntryVersion[]>;
  findVersion(entryId: string, version: number): Promise<EntryVersion | undefined>;
  /** All versions of these entries, entry by entry; with `limit`, the first so many. At most 1000 entries. */
  versionsOf(entryIds: readonly string[], limit?: number): Promise<readonly EntryVersion[]>;
}

export interface EntryCommands {
  /** Rejects with AlreadyExists when the name is taken in its folder. */
  insert(entry: Entry): Promise<void>;
  /** As insert, for at most 500. */
  insertMany(entries: readonly Entry[]): Promise<void>;
  /** Writes everything that can change about it. Rejects with AlreadyExists when the name is taken in its folder. */
  update(entry: Entry): Promise<void>;
  /** Removes rows, with those of their versions. At most 1000. */
  remove(ids: readonly string[]): Promise<void>;
  /** They are in no folder any more, and belong to the task. At most 1000. */
  detach(ids: readonly string[], jobId: string): Promise<void>;
  insertVersions(versions: readonly EntryVersion[]): Promise<void>;
  removeVersions(entryId: string, versions: readonly number[]): Promise<void>;
}
