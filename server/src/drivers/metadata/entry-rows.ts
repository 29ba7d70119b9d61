import type { Insertable, Selectable } from 'kysely';
import { ENTRY_KINDS, type Entry, type EntryVersion } from '#core/model/entry.ts';
import { fromId, optionalNumber, optionalText, toId, toNumber } from './convert.ts';
import type { EntryTable, EntryVersionTable } from './drive-rows.ts';

type Row = Selectable<EntryTable>;
export type NewEntryRow = Required<Insertable<EntryTable>>;
export type NewVersionRow = Required<Insertable<EntryVersionTable>>;

export const ENTRY_COLUMNS = [
  'id',
  'user_id',
  'kind',
  'name',
  'name_key',
  'parent_id',
  'live_parent',
  'file_uid',
  'size',
  'content_type',
  'version',
  'starred_at',
  'created_at',
  'modified_at',
  'updated_at',
  'trashed_at',
  'trashed_from',
  'job_id',
] as const satisfies readonly (keyof NewEntryRow)[];

export const VERSION_COLUMNS = [
  'entry_id',
  'version',
  'file_uid',
  'size',
  'content_type',
  'modified_at',
] as const satisfies readonly (keyof NewVersionRow)[];

export function entryOf(row: Row): Entry {
  return {
    id: fromId(row.id),
    userId: fromId(row.user_id),
    kind: ENTRY_KINDS[toNumber(row.kind)] ?? 'file',
    name: row.name,
    nameKey: row.name_key,
    parentId: optionalId(row.parent_id),
    liveParentId: optionalId(row.live_parent),
    fileUid: optionalId(row.file_uid),
    size: toNumber(row.size),
    contentType: optionalText(row.content_type),
    version: toNumber(row.version),
    starredAt: optionalNumber(row.starred_at),
    createdAt: toNumber(row.created_at),
    modifiedAt: toNumber(row.modified_at),
    updatedAt: toNumber(row.updated_at),
    trashedAt: optionalNumber(row.trashed_at),
    trashedFrom: optionalText(row.trashed_from),
    jobId: optionalId(row.job_id),
  };
}

export function rowOfEntry(entry: Entry): NewEntryRow {
  return {
    id: toId(entry.id),
    user_id: toId(entry.userId),
    kind: ENTRY_KINDS.indexOf(entry.kind),
    name: entry.name,
    name_key: entry.nameKey,
    parent_id: idOrNull(entry.parentId),
    live_parent: idOrNull(entry.liveParentId),
    file_uid: idOrNull(entry.fileUid),
    size: entry.size,
    content_type: entry.contentType ?? null,
    version: entry.version,
    starred_at: entry.starredAt ?? null,
    created_at: entry.createdAt,
    modified_at: entry.modifiedAt,
    updated_at: entry.updatedAt,
    trashed_at: entry.trashedAt ?? null,
    trashed_from: entry.trashedFrom ?? null,
    job_id: idOrNull(entry.jobId),
  };
}

export function versionOf(row: Selectable<EntryVersionTable>): EntryVersion {
  return {
    entryId: fromId(row.entry_id),
    version: toNumber(row.version),
    fileUid: fromId(row.file_uid),
    size: toNumber(row.size),
    contentType: row.content_type,
    modifiedAt: toNumber(row.modified_at),
  };
}

export function rowOfVersion(version: EntryVersion): NewVersionRow {
  return {
    entry_id: toId(version.entryId),
    version: version.version,
    file_uid: toId(version.fileUid),
    size: version.size,
    content_type: version.contentType,
    modified_at: version.modifiedAt,
  };
}

export function optionalId(value: Row['parent_id']): string | undefined {
  return value === null ? undefined : fromId(value);
}

export function idOrNull(id: string | undefined): bigint | null {
  return id === undefined ? null : toId(id);
}
