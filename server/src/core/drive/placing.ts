import { OsproxyError } from '../errors.ts';
import { type ConflictPolicy, type Entry, MAX_DEPTH } from '../model/entry.ts';
import type { MetadataReader } from '../ports/metadata.ts';
import { freeName, nameKeyOf } from './entry-names.ts';
import { folder as folderOf, here, liveLineage, noEntry } from './tree.ts';

/** A folder that is there, and how many folders are above it. */
export interface LiveFolder {
  readonly folderId: string;
  readonly depth: number;
}

/** `folderId` "root" is the root folder. Throws NotFound, or Conflict for a file. */
export async function liveFolder(
  repositories: MetadataReader,
  userId: string,
  folderId: string,
): Promise<LiveFolder> {
  if (folderId === 'root') {
    const drive = await repositories.drives.find(userId);
    if (drive === undefined) throw noEntry(folderId);
    return { folderId: here(drive).rootId, depth: 0 };
  }
  const lineage = await liveLineage(repositories, userId, folderId);
  return { folderId: folderOf(lineage[0]).id, depth: lineage.length - 1 };
}

/** Throws InvalidArgument for a place below more folders than there may be. */
export function refuseDeep(depth: number): void {
  if (depth <= MAX_DEPTH) return;
  throw new OsproxyError('InvalidArgument', `Folders can be ${MAX_DEPTH} deep; this would be deeper.`, {
    details: { field: 'parentId', limit: MAX_DEPTH },
  });
}

interface ChosenName {
  readonly name: string;
  /** The file whose content is replaced. */
  readonly replaces: Entry | undefined;
}

/** The name that `moving`, or a new file, gets in this folder. Throws AlreadyExists where the policy allows none. */
export async function chosenName(
  repositories: Pick<MetadataReader, 'entries'>,
  folderId: string,
  name: string,
  conflict: ConflictPolicy,
  moving: Pick<Entry, 'id' | 'kind'> | undefined,
): Promise<ChosenName> {
  const there = await repositories.entries.child(folderId, nameKeyOf(name));
  if (there === undefined || there.id === moving?.id) return { name, replaces: undefined };
  if (conflict === 'keepBoth') {
    const taken = (keys: readonly string[]) => repositories.entries.takenKeys(folderId, keys);
    return { name: await freeName(name, taken), replaces: undefined };
  }
  if (conflict === 'replace' && there.kind === 'file' && moving?.kind !== 'folder') {
    return { name: there.name, replaces: there };
  }
  throw new OsproxyError('AlreadyExists', `The name "${name}" is taken in this folder.`, {
    details: { field: 'name', name, id: there.id, kind: there.kind },
  });
}
