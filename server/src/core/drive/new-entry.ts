import type { Entry } from '../model/entry.ts';
import type { FileRecord } from '../model/file.ts';
import { nameKeyOf } from './entry-names.ts';

interface Named {
  readonly id: string;
  readonly userId: string;
  /** Undefined for the root folder. */
  readonly parentId: string | undefined;
  readonly name: string;
}

export function newFolder({ id, userId, parentId, name }: Named, now: number): Entry {
  return {
    ...{ id, userId, kind: 'folder', name, nameKey: nameKeyOf(name), parentId, liveParentId: parentId },
    ...{ fileUid: undefined, size: 0, contentType: undefined, version: 0, starredAt: undefined },
    ...{ createdAt: now, modifiedAt: now, updatedAt: now },
    ...{ trashedAt: undefined, trashedFrom: undefined, jobId: undefined },
  };
}

export function newFileEntry(named: Named, file: FileRecord, now: number): Entry {
  const { uid: fileUid, size, contentType } = file;
  return { ...newFolder(named, now), kind: 'file', fileUid, size, contentType, version: 1 };
}
