import { OsproxyError } from '../errors.ts';
import { type ConflictPolicy, type Entry, MAX_DEPTH } from '../model/entry.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import type { DriveParts } from './drive-parts.ts';
import { entryEvent } from './entry-events.ts';
import { checkEntryName, nameKeyOf } from './entry-names.ts';
import { absorb } from './filing.ts';
import { newFolder } from './new-entry.ts';
import { chosenName, liveFolder, refuseDeep } from './placing.ts';
import { depthBelow } from './subtree.ts';
import { liveLineage, lockedDrive } from './tree.ts';

export type StructureParts = Pick<DriveParts, 'metadata' | 'ids' | 'clock' | 'drive'>;

export interface MoveRequest {
  /** Undefined: as it is. */
  readonly name?: string | undefined;
  /** That a file has under the new name, where it has another. */
  readonly contentType?: string | undefined;
  /** Undefined: where it is. */
  readonly parentId?: string | undefined;
  readonly conflict: ConflictPolicy;
}

export interface RestoreRequest {
  /** Undefined: where it was. */
  readonly parentId?: string | undefined;
  readonly conflict: ConflictPolicy;
}

/** Changes of a person's folders: each is a few rows, however much is in them. Two of the same person go one after the other. */
export class DriveStructure {
  readonly #parts: StructureParts;

  constructor(parts: StructureParts) {
    this.#parts = parts;
  }

  async createFolder(
    userId: string,
    wanted: { readonly parentId: string; readonly name: string; readonly conflict: ConflictPolicy },
  ): Promise<Entry> {
    checkEntryName(wanted.name);
    return this.#change(userId, async (repositories, now) => {
      const { folderId, depth } = await liveFolder(repositories, userId, wanted.parentId);
      refuseDeep(depth + 1);
      const named = { id: this.#parts.ids.next(), userId, parentId: folderId };
      const self = { ...named, kind: 'folder' as const };
      const { name } = await chosenName(repositories, folderId, wanted.name, wanted.conflict, self);
      return insertFolder(repositories, newFolder({ ...named, name }, now), now);
    });
  }

  /** Gives it another name, another place, or both. */
  async move(userId: string, entryId: string, wanted: MoveRequest): Promise<Entry> {
    if (wanted.name !== undefined) checkEntryName(wanted.name);
    return this.#change(userId, async (repositories, now) => {
      const lineage = await liveLineage(repositories, userId, entryId);
      const entry = belowRoot(lineage[0]);
      const { folderId, depth } = await liveFolder(
        repositories,
        userId,
        wanted.parentId ?? entry.parentId ?? '',
      );
      if (folderId !== entry.parentId) {
        await refuseCircle(repositories, entry, folderId);
        await refuseDeepTree(repositories, entry, depth + 1, lineage.length - 1);
      }
      const asked = wanted.name ?? entry.name;
      const { name, replaces } = await chosenName(repositories, folderId, asked, wanted.conflict, entry);
      if (replaces !== undefined) return absorb(this.#parts, repositories, entry, replaces, now);
      if (name === entry.name && folderId === entry.parentId) return entry;
      const place = { name, nameKey: nameKeyOf(name), parentId: folderId, liveParentId: folderId };
      const contentType = entry.kind === 'file' ? (wanted.contentType ?? entry.contentType) : undefined;
      const moved: Entry = { ...entry, ...place, contentType, updatedAt: now };
      await repositories.entries.update(moved);
      const before = { previousParentId: entry.parentId, previousName: entry.name };
      const type = folderId === entry.parentId ? 'entry.changed' : 'entry.moved';
      await repositories.events.append(entryEvent(type, moved, before), now);
      return moved;
    });
  }

  /** Puts it into the trash, with all that is in it. */
  async trash(userId: string, entryId: string): Promise<Entry> {
    return this.#change(userId, async (repositories, now) => {
      const lineage = await liveLineage(repositories, userId, entryId);
      const entry = belowRoot(lineage[0]);
      const above = lineage.slice(1).toReversed();
      const trashedFrom = above.map(({ name }) => name).join('/') || '/';
      const away = { liveParentId: undefined, trashedAt: now, trashedFrom, updatedAt: now };
      const trashed: Entry = { ...entry, ...away };
      await repositories.entries.update(trashed);
      await repositories.events.append(entryEvent('entry.trashed', trashed), now);
      return trashed;
    });
  }

  /** Out of the trash. Throws Conflict when the place where it was is gone and no other is named. */
  async restore(userId: string, entryId: string, wanted: RestoreRequest): Promise<Entry> {
    return this.#change(userId, async (repositories, now) => {
      const entry = await trashedEntry(repositories, userId, entryId);
      const { folderId, depth } = await this.#placeFor(repositories, userId, entry, wanted.parentId);
      await refuseDeepTree(repositories, entry, depth + 1, depthBefore(entry));
      const chosen = await chosenName(repositories, folderId, entry.name, wanted.conflict, entry);
      const { name, replaces } = chosen;
      if (replaces !== undefined) return absorb(this.#parts, repositories, entry, replaces, now);
      const place = { name, nameKey: nameKeyOf(name), parentId: folderId, liveParentId: folderId };
      const back = { trashedAt: undefined, trashedFrom: undefined, updatedAt: now };
      const restored: Entry = { ...entry, ...place, ...back };
      await repositories.entries.update(restored);
      await repositories.events.append(entryEvent('entry.restored', restored), now);
      return restored;
    });
  }

  /** Puts a star on it, or takes it away. */
  async star(userId: string, entryId: string, isStarred: boolean): Promise<Entry> {
    return this.#change(userId, async (repositories, now) => {
      const [found] = await liveLineage(repositories, userId, entryId);
      const entry = belowRoot(found);
      if ((entry.starredAt !== undefined) === isStarred) return entry;
      const starred: Entry = { ...entry, starredAt: isStarred ? now : undefined, updatedAt: now };
      await repositories.entries.update(starred);
      await repositories.events.append(entryEvent('entry.changed', starred, { starred: isStarred }), now);
      return starred;
    });
  }

  async #placeFor(repositories: MetadataWriter, userId: string, entry: Entry, parentId: string | undefined) {
    if (parentId !== undefined) return liveFolder(repositories, userId, parentId);
    try {
      return await liveFolder(repositories, userId, entry.parentId ?? '');
    } catch (cause) {
      throw new OsproxyError(
        'Conflict',
        'The folder where it was is gone; say where it is to be put ("parentId").',
        { details: { field: 'parentId', id: entry.id }, cause },
      );
    }
  }

  /** One change of a person's folders, after the one before it has ended. */
  #change<T>(userId: string, work: (repositories: MetadataWriter, now: number) => Promise<T>): Promise<T> {
    const { metadata, clock } = this.#parts;
    return metadata.transaction(async (repositories) => {
      await lockedDrive(repositories, userId, this.#parts);
      return work(repositories, clock.now());
    });
  }
}

/** A new folder, told of. */
export async function insertFolder(repositories: MetadataWriter, folder: Entry, now: number): Promise<Entry> {
  await repositories.entries.insert(folder);
  await repositories.events.append(entryEvent('entry.created', folder), now);
  return folder;
}

/** Something that a person put into the trash, not after `until`; throws NotFound. */
export async function trashedEntry(
  repositories: MetadataWriter,
  userId: string,
  entryId: string,
  until = Number.POSITIVE_INFINITY,
): Promise<Entry> {
  const entry = await repositories.entries.find(entryId);
  const isThere = entry?.userId === userId && entry.trashedAt !== undefined;
  if (isThere && entry.trashedAt <= until) return entry;
  throw new OsproxyError('NotFound', `There is no entry ${entryId} in the trash.`, {
    details: { id: entryId },
  });
}

function belowRoot(entry: Entry | undefined): Entry {
  if (entry?.parentId !== undefined) return entry;
  throw new OsproxyError('InvalidArgument', 'The root folder stays as it is and where it is.', {
    details: { field: 'id' },
  });
}

async function refuseCircle(repositories: MetadataWriter, entry: Entry, folderId: string): Promise<void> {
  if (entry.kind === 'file') return;
  const lineage = await repositories.entries.lineage(folderId);
  if (!lineage.some(({ id }) => id === entry.id)) return;
  throw new OsproxyError('Conflict', 'A folder cannot be moved into itself or a folder inside it.', {
    details: { id: entry.id, parentId: folderId },
  });
}

/** How deep something in the trash was: nothing in it has changed since. */
function depthBefore({ trashedFrom = '/' }: Entry): number {
  return trashedFrom === '/' ? 1 : trashedFrom.split('/').length;
}

/** Only what goes deeper than it was can come to be too deep. */
async function refuseDeepTree(
  repositories: MetadataWriter,
  entry: Entry,
  depth: number,
  before: number,
): Promise<void> {
  refuseDeep(depth);
  if (entry.kind === 'file' || depth <= before) return;
  refuseDeep(depth + (await depthBelow(repositories, entry.id, MAX_DEPTH - depth)));
}
