import { OsproxyError } from '../errors.ts';
import { type ConflictPolicy, type Entry, MAX_DEPTH } from '../model/entry.ts';
import type { MetadataReader, MetadataWriter } from '../ports/metadata.ts';
import { freeName, nameKeyOf } from './entry-names.ts';
import { folder as folderOf, liveLineage } from './tree.ts';

const FOLDERS_AT_ONCE = 500;
const MOST_FOLDERS = 100_000;

/** A folder that is there, and how many folders are above it. Throws NotFound, or Conflict for a file. */
export async function liveFolder(
  repositories: MetadataReader,
  userId: string,
  folderId: string,
): Promise<{ readonly folder: Entry; readonly depth: number }> {
  const id = folderId === 'root' ? ((await repositories.drives.find(userId))?.rootId ?? folderId) : folderId;
  const lineage = await liveLineage(repositories, userId, id);
  return { folder: folderOf(lineage[0] as Entry), depth: lineage.length - 1 };
}

/** Throws InvalidArgument for a place below more folders than there may be. */
export function refuseDeep(depth: number): void {
  if (depth <= MAX_DEPTH) return;
  throw new OsproxyError('InvalidArgument', `Folders can be ${MAX_DEPTH} deep; this would be deeper.`, {
    details: { field: 'parentId', limit: MAX_DEPTH },
  });
}

/** How many levels are below a folder; looks no further than one below `enough`. */
export async function depthBelow(
  { entries }: Pick<MetadataReader, 'entries'>,
  folderId: string,
  enough: number,
): Promise<number> {
  let level = [folderId];
  for (let depth = 0; ; depth += 1) {
    if (depth > enough) return depth;
    const next: string[] = [];
    let isLast = true;
    for (let start = 0; start < level.length; start += FOLDERS_AT_ONCE) {
      const some = level.slice(start, start + FOLDERS_AT_ONCE);
      if (isLast) isLast = (await entries.inAny(some, 1)).length === 0;
      next.push(...(await entries.foldersIn(some, MOST_FOLDERS)));
    }
    if (isLast) return depth;
    if (next.length === 0) return depth + 1;
    level = next;
  }
}

export interface ChosenName {
  readonly name: string;
  /** The file whose content is replaced. */
  readonly replaces: Entry | undefined;
}

/** The name that `moving`, or something new, gets in this folder. Throws AlreadyExists where the policy allows none. */
export async function chosenName(
  repositories: MetadataWriter,
  folderId: string,
  name: string,
  conflict: ConflictPolicy,
  moving: Entry | undefined,
): Promise<ChosenName> {
  const there = await repositories.entries.child(folderId, nameKeyOf(name));
  if (there === undefined || there.id === moving?.id) return { name, replaces: undefined };
  if (conflict === 'keepBoth') {
    const taken = (keys: readonly string[]) => repositories.entries.takenKeys(folderId, keys);
    return { name: await freeName(name, taken), replaces: undefined };
  }
  throw new OsproxyError('AlreadyExists', `The name "${name}" is taken in this folder.`, {
    details: { field: 'name', name, id: there.id, kind: there.kind },
  });
}
