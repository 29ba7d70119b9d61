import { throwIfCancelled } from '../cancellation.ts';
import { OsproxyError } from '../errors.ts';
import type { Entry } from '../model/entry.ts';
import type { MetadataReader } from '../ports/metadata.ts';

const FOLDERS_AT_ONCE = 500;
const MOST_FOLDERS = 1_000_000;
/** Folders that are looked at while the drive is locked. */
const MOST_LOCKED = 50_000;

export interface TreeTotals {
  readonly entries: number;
  /** Of the present contents. */
  readonly bytes: number;
}

/** Everything in these folders, each folder before what is in it; undefined where there is more than `most`. */
export async function subtree(
  { entries }: Pick<MetadataReader, 'entries'>,
  folderIds: readonly string[],
  most: number,
): Promise<readonly Entry[] | undefined> {
  const found: Entry[] = [];
  let level = folderIds;
  while (level.length > 0) {
    const next: string[] = [];
    for (let start = 0; start < level.length; start += FOLDERS_AT_ONCE) {
      const some = level.slice(start, start + FOLDERS_AT_ONCE);
      const inside = await entries.inAny(some, most + 1 - found.length);
      found.push(...inside);
      if (found.length > most) return undefined;
      for (const { id, kind } of inside) if (kind === 'folder') next.push(id);
    }
    level = next;
  }
  return found;
}

/** How much is in a folder, however much it is. */
export async function totalsOf(
  { entries }: Pick<MetadataReader, 'entries'>,
  folderId: string,
  signal: AbortSignal,
): Promise<TreeTotals> {
  const sum = { entries: 0, bytes: 0 };
  let level: readonly string[] = [folderId];
  while (level.length > 0) {
    const next: string[] = [];
    for (let start = 0; start < level.length; start += FOLDERS_AT_ONCE) {
      throwIfCancelled(signal);
      const some = level.slice(start, start + FOLDERS_AT_ONCE);
      const inside = await entries.totals(some);
      sum.entries += inside.entries;
      sum.bytes += inside.bytes;
      next.push(...(await entries.foldersIn(some, MOST_FOLDERS)));
    }
    level = next;
  }
  return sum;
}

/** How many levels are below a folder; looks no further than one below `enough`. Throws TooLarge where more folders than `most` would have to be looked at. */
export async function depthBelow(
  { entries }: Pick<MetadataReader, 'entries'>,
  folderId: string,
  enough: number,
  most = MOST_LOCKED,
): Promise<number> {
  let level: readonly string[] = [folderId];
  let room = most;
  for (let depth = 0; ; depth += 1) {
    if (depth > enough) return depth;
    const next: string[] = [];
    let isLast = true;
    for (let start = 0; start < level.length; start += FOLDERS_AT_ONCE) {
      const some = level.slice(start, start + FOLDERS_AT_ONCE);
      if (isLast) isLast = (await entries.inAny(some, 1)).length === 0;
      const found = await entries.foldersIn(some, room + 1);
      room -= found.length;
      if (room < 0) throw tooManyFolders(most);
      next.push(...found);
    }
    if (isLast) return depth;
    if (next.length === 0) return depth + 1;
    level = next;
  }
}

function tooManyFolders(limit: number): OsproxyError {
  return new OsproxyError(
    'TooLarge',
    `There are more than ${limit} folders in this one; move or copy the folders in it one by one.`,
    { details: { limit } },
  );
}
