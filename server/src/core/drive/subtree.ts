import { throwIfCancelled } from '../cancellation.ts';
import type { Entry } from '../model/entry.ts';
import type { MetadataReader } from '../ports/metadata.ts';

const FOLDERS_AT_ONCE = 500;
const MOST_FOLDERS = 1_000_000;

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

/** How many levels are below a folder; looks no further than one below `enough`. */
export async function depthBelow(
  { entries }: Pick<MetadataReader, 'entries'>,
  folderId: string,
  enough: number,
): Promise<number> {
  let level: readonly string[] = [folderId];
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
