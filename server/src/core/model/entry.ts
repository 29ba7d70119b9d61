import type { Uid } from './uid.ts';

export const ENTRY_KINDS = ['folder', 'file'] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** Folders below a root, one in the other, and the entry in the innermost. */
export const MAX_DEPTH = 128;

/** A name in a person's drive: a folder, or a file with its present content. */
export interface Entry {
  readonly id: string;
  readonly userId: string;
  readonly kind: EntryKind;
  /** As given; '' for the root folder. */
  readonly name: string;
  /** What names of one folder are compared by. */
  readonly nameKey: string;
  /** Where it is, or was when it was put into the trash; undefined for the root folder. */
  readonly parentId: string | undefined;
  /** The same while it is in its place. Undefined for the root folder, and for what was put into the trash or is on its way in or out. */
  readonly liveParentId: string | undefined;
  /** Undefined for a folder. */
  readonly fileUid: Uid | undefined;
  /** Bytes of the present content; 0 for a folder. */
  readonly size: number;
  /** Undefined for a folder. */
  readonly contentType: string | undefined;
  /** Of the present content, from 1 on; 0 for a folder. */
  readonly version: number;
  readonly starredAt: number | undefined;
  readonly createdAt: number;
  /** When the present content came. */
  readonly modifiedAt: number;
  /** When anything about it changed. */
  readonly updatedAt: number;
  readonly trashedAt: number | undefined;
  /** Path of the folder that it was trashed from, for people to read. */
  readonly trashedFrom: string | undefined;
  /** The task that is making or removing it, while it is not there for people. */
  readonly jobId: string | undefined;
}

/** A content that a file had before. */
export interface EntryVersion {
  readonly entryId: string;
  readonly version: number;
  readonly fileUid: Uid;
  /** Bytes. */
  readonly size: number;
  readonly contentType: string;
  /** When this content came. */
  readonly modifiedAt: number;
}

/** What a person has: one row, which whoever changes the person's folders locks first. */
export interface DriveRecord {
  readonly userId: string;
  readonly rootId: string;
  /** Bytes of all versions of all files, those in the trash included. */
  readonly usedBytes: number;
  /** Promised to uploads and copies under way. */
  readonly reservedBytes: number;
  /** Files, those in the trash included; versions are not counted. */
  readonly files: number;
  readonly createdAt: number;
  /** When its person was deleted: nothing comes in any more. */
  readonly endedAt: number | undefined;
}

/**
 * What becomes of a name that is taken. fail: nothing. keepBoth: the new one gets a number. replace: the content becomes a new version of the file that
 * is there; a folder is never replaced.
 */
export const CONFLICT_POLICIES = ['fail', 'keepBoth', 'replace'] as const;
export type ConflictPolicy = (typeof CONFLICT_POLICIES)[number];

/** An open upload that will be a file of a drive. */
export interface DriveUpload {
  readonly uid: Uid;
  readonly userId: string;
  readonly parentId: string;
  readonly name: string;
  readonly conflict: ConflictPolicy;
  /** Bytes that are reserved for it. */
  readonly size: number;
  readonly createdAt: number;
}

/**
 * Work on a person's tree that is too much for one transaction. copy: grows in a folder that nobody sees until it is whole. delete: what was taken out of
 * the trash. empty: all that was in the trash at some time. end: everything of a person who was deleted.
 */
export interface DriveJob {
  readonly id: string;
  readonly userId: string;
  readonly kind: 'copy' | 'delete' | 'empty' | 'end';
  /** What became of it for its person; what a failed or cancelled copy had made is removed behind that. */
  readonly state: 'running' | 'done' | 'failed' | 'cancelled';
  /** A sentence for people. */
  readonly error: string | undefined;
  /** Of a copy: what is copied, and where the copy goes under which name. */
  readonly sourceId: string | undefined;
  readonly parentId: string | undefined;
  readonly name: string | undefined;
  readonly conflict: ConflictPolicy | undefined;
  /** The folder that a copy grows in, and is when it is whole. */
  readonly stagingId: string | undefined;
  /** Bytes that are reserved for a copy and not used yet. */
  readonly reserved: number;
  /** Entries. */
  readonly done: number;
  /** Undefined while nobody knows. */
  readonly total: number | undefined;
  readonly createdAt: number;
  /** When no work was left. */
  readonly endedAt: number | undefined;
}
