import { OsproxyError } from '../errors.ts';
import type { DriveRecord, Entry } from '../model/entry.ts';
import { isUid } from '../model/uid.ts';
import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/ids.ts';
import type { EntrySort } from '../ports/metadata/entries.ts';
import type { Metadata, MetadataReader, MetadataWriter } from '../ports/metadata.ts';
import { newFolder } from './new-entry.ts';

const WALK_PAGE = 500;

export interface ChildrenPage {
  readonly sort: EntrySort;
  readonly descending: boolean;
  /** As `next` of the page before. */
  readonly after: EntryPlace | undefined;
  /** 1 to 1000. */
  readonly limit: number;
}

/** Where a page of a folder ended. */
interface EntryPlace {
  readonly kind: Entry['kind'];
  readonly value: string | number;
  readonly id: string;
}

export interface EntryPage {
  readonly entries: readonly Entry[];
  /** Pass as `after` for the next page; undefined on the last one. */
  readonly next: EntryPlace | undefined;
}

/** An entry of a subtree. */
export interface WalkedEntry {
  readonly entry: Entry;
  /** Names from the folder that was walked down to the entry, with "/" between. */
  readonly path: string;
}

/** An entry and the folders above it up to the root, inside first. */
type Lineage = readonly [Entry, ...Entry[]];

interface TreeOptions {
  readonly metadata: Metadata;
  readonly ids: IdSource;
  readonly clock: Clock;
}

/**
 * A person's folders, for reading. What belongs to somebody else, is in the trash, or in a folder that is, does not exist here: NotFound, as for an id that
 * never was.
 */
export class DriveTree {
  readonly #options: TreeOptions;

  constructor(options: TreeOptions) {
    this.#options = options;
  }

  /** The person's drive, made on first use. Throws NotFound when the person was deleted. */
  async drive(userId: string): Promise<DriveRecord> {
    const { metadata, ids, clock } = this.#options;
    const known = await metadata.drives.find(userId);
    if (known !== undefined) return here(known);
    const rootId = ids.next();
    return metadata.transaction((repositories) => madeDrive(repositories, userId, rootId, clock.now()));
  }

  async root(userId: string): Promise<Entry> {
    const { rootId } = await this.drive(userId);
    return this.find(userId, rootId);
  }

  /** `entryId` "root" is the root folder. */
  async find(userId: string, entryId: string): Promise<Entry> {
    const [entry] = await this.lineage(userId, entryId);
    return entry;
  }

  /** As find; throws Conflict for a file. */
  async findFolder(userId: string, entryId: string): Promise<Entry> {
    return folder(await this.find(userId, entryId));
  }

  /** The entry and the folders above it up to the root, inside first. */
  async lineage(userId: string, entryId: string): Promise<Lineage> {
    const id = entryId === 'root' ? (await this.drive(userId)).rootId : entryId;
    return liveLineage(this.#options.metadata, userId, id);
  }

  /** Those of the entries that are there, by id, each with the folders above it, inside first. At most 1000. */
  async locate(userId: string, entryIds: readonly string[]): Promise<ReadonlyMap<string, readonly Entry[]>> {
    const found = await this.#options.metadata.entries.lineages(entryIds.filter(isUid));
    return new Map([...found].filter(([, lineage]) => isLive(lineage, userId)));
  }

  /** As locate; throws NotFound for the first of them that is not there. */
  async locateAll(
    userId: string,
    entryIds: readonly string[],
  ): Promise<ReadonlyMap<string, readonly Entry[]>> {
    const located = await this.locate(userId, entryIds);
    const absent = entryIds.find((id) => !located.has(id));
    if (absent !== undefined) throw noEntry(absent);
    return located;
  }

  /** True when the entry is the ancestor, or anywhere in it; false for what is not there. */
  async isWithin(userId: string, entryId: string, ancestorId: string): Promise<boolean> {
    if (!isUid(entryId)) return false;
    const lineage = await this.#options.metadata.entries.lineage(entryId);
    return isLive(lineage, userId) && lineage.some(({ id }) => id === ancestorId);
  }

  /** Folders first; folders have no size, and go by name where files go by size. */
  async children(userId: string, folderId: string, page: ChildrenPage): Promise<EntryPage> {
    const { id } = await this.findFolder(userId, folderId);
    return childrenOf(this.#options.metadata, id, page);
  }

  /**
   * Everything in a folder, each folder before what is in it, in the order of names. What changes meanwhile may be seen or not; nothing is seen twice in
   * one folder.
   */
  async *walk(userId: string, folderId: string, signal?: AbortSignal): AsyncGenerator<WalkedEntry> {
    const { id } = await this.findFolder(userId, folderId);
    yield* walkFrom(this.#options.metadata, id, '', signal);
  }
}

async function* walkFrom(
  { entries }: Pick<MetadataReader, 'entries'>,
  folderId: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<WalkedEntry> {
  for (let after: string | undefined; ; ) {
    signal?.throwIfAborted();
    const page = await entries.childrenByName(folderId, after, WALK_PAGE);
    for (const entry of page) {
      const path = `${prefix}${entry.name}`;
      yield { entry, path };
      if (entry.kind === 'folder') yield* walkFrom({ entries }, entry.id, `${path}/`, signal);
    }
    after = page.at(-1)?.nameKey;
    if (page.length < WALK_PAGE) return;
  }
}

/** One page of a folder that is known to be there. */
async function childrenOf(
  { entries }: Pick<MetadataReader, 'entries'>,
  folderId: string,
  { sort, descending, after, limit }: ChildrenPage,
): Promise<EntryPage> {
  const found: Entry[] = [];
  for (const kind of ['folder', 'file'] as const) {
    if (after?.kind === 'file' && kind === 'folder') continue;
    const wanted = limit + 1 - found.length;
    if (wanted <= 0) break;
    const by = sortOf(kind, sort);
    const begin = after?.kind === kind ? { value: checkedValue(by, after.value), id: after.id } : undefined;
    const page = { folderId, kind, sort: by, descending, after: begin, limit: Math.min(wanted, 1000) };
    found.push(...(await entries.children(page)));
  }
  const page = found.slice(0, limit);
  const last = page.at(-1);
  if (found.length <= limit || last === undefined) return { entries: page, next: undefined };
  return { entries: page, next: { kind: last.kind, value: pageValueOf(last, sort), id: last.id } };
}

function sortOf(kind: Entry['kind'], sort: EntrySort): EntrySort {
  return kind === 'folder' && sort === 'size' ? 'name' : sort;
}

function pageValueOf(entry: Entry, sort: EntrySort): string | number {
  const by = sortOf(entry.kind, sort);
  if (by === 'name') return entry.nameKey;
  return by === 'size' ? entry.size : entry.modifiedAt;
}

function checkedValue(by: EntrySort, value: string | number): string | number {
  if (typeof value === (by === 'name' ? 'string' : 'number')) return value;
  throw new OsproxyError('InvalidArgument', 'The cursor belongs to a list of another order.', {
    details: { field: 'cursor' },
  });
}

/** The entry and the folders above it, up to the root. Throws NotFound for what is not there for this person. */
export async function liveLineage(
  { entries }: Pick<MetadataReader, 'entries'>,
  userId: string,
  entryId: string,
): Promise<Lineage> {
  const lineage = isUid(entryId) ? await entries.lineage(entryId) : [];
  const [entry, ...above] = lineage;
  if (entry === undefined || !isLive(lineage, userId)) throw noEntry(entryId);
  return [entry, ...above];
}

function isLive(lineage: readonly Entry[], userId: string): boolean {
  const top = lineage.at(-1);
  return top !== undefined && top.parentId === undefined && top.jobId === undefined && top.userId === userId;
}

/** Throws Conflict for a file. */
export function folder(entry: Entry): Entry {
  if (entry.kind === 'folder') return entry;
  throw new OsproxyError('Conflict', `Entry ${entry.id} is a file, not a folder.`, {
    details: { id: entry.id },
  });
}

/** What an id that is no entry, or not for this person, is answered with. */
export function noEntry(entryId: string): OsproxyError {
  return new OsproxyError('NotFound', `There is no entry ${entryId.slice(0, 40)}.`, {
    details: { id: entryId.slice(0, 40) },
  });
}

/** Locks the drive until the transaction ends, and makes it on first use: whoever changes folders sees what the one before did. */
export async function lockedDrive(
  repositories: MetadataWriter,
  userId: string,
  parts: Pick<TreeOptions, 'ids' | 'clock'>,
): Promise<DriveRecord> {
  const known = await repositories.drives.lock(userId);
  if (known !== undefined) return here(known);
  return madeDrive(repositories, userId, parts.ids.next(), parts.clock.now());
}

/** Locks the person first, as whoever deletes them does: a drive that came after that would be nobody's. */
async function madeDrive(
  repositories: MetadataWriter,
  userId: string,
  rootId: string,
  now: number,
): Promise<DriveRecord> {
  if ((await repositories.users.lock(userId)) === undefined) throw noDrive(userId);
  const drive: DriveRecord = {
    ...{ userId, rootId, usedBytes: 0, reservedBytes: 0, files: 0, createdAt: now, endedAt: undefined },
  };
  if (await repositories.drives.insert(drive)) {
    await repositories.entries.insert(newFolder({ id: rootId, userId, parentId: undefined, name: '' }, now));
    return drive;
  }
  const other = await repositories.drives.lock(userId);
  if (other === undefined) throw noDrive(userId);
  return here(other);
}

/** Throws NotFound for a drive whose person was deleted. */
export function here(drive: DriveRecord): DriveRecord {
  if (drive.endedAt !== undefined) throw noDrive(drive.userId);
  return drive;
}

function noDrive(userId: string): OsproxyError {
  return new OsproxyError('NotFound', `The drive of user ${userId} is gone with its user.`, {
    details: { userId },
  });
}
