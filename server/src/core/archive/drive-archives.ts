import type { Downloads } from '../downloads.ts';
import type { Drive } from '../drive/drive.ts';
import { OsproxyError } from '../errors.ts';
import type { Entry } from '../model/entry.ts';
import { ownerOfUser } from '../model/principal.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { Archive, ArchiveEntry, Archives } from './archive.ts';

const PAGE = 500;

export interface ArchiveWish {
  readonly userId: string;
  /** 1 to 1000; what lies in another of them is taken once. */
  readonly entryIds: readonly string[];
  /** Whose limit it counts against. */
  readonly who: string;
  /** Asked before each file is opened; throws when it may not be read any more. */
  readonly allow: (entry: Entry, lineage: readonly Entry[]) => Promise<void>;
}

/** Archives of what is in a person's drive. */
export class DriveArchives {
  readonly #drive: Pick<Drive, 'tree' | 'content'>;
  readonly #metadata: Pick<Metadata, 'files'>;
  readonly #downloads: Pick<Downloads, 'read'>;
  readonly #archives: Archives;

  constructor(options: {
    drive: Pick<Drive, 'tree' | 'content'>;
    metadata: Pick<Metadata, 'files'>;
    downloads: Pick<Downloads, 'read'>;
    archives: Archives;
  }) {
    this.#drive = options.drive;
    this.#metadata = options.metadata;
    this.#downloads = options.downloads;
    this.#archives = options.archives;
  }

  /**
   * The archive of these entries, folders with all that is in them; the caller closes it. Throws NotFound for an entry that is not there, Conflict naming a file that
   * cannot be read, TooLarge and RateLimited as `Archives` does. A file that is moved away, trashed or changed after that breaks the archive off.
   */
  async gather(wish: ArchiveWish, signal: AbortSignal): Promise<Archive> {
    const { userId, who, allow } = wish;
    const tops = await this.#tops(wish);
    const [first] = tops;
    const name = tops.length === 1 && first !== undefined ? first.name : 'files';
    const found = new Map<string, Entry>();
    const open: Archive['open'] = async ({ id, size }, reading) => {
      const lineage = await this.#drive.tree.lineage(userId, id);
      const [entry] = lineage;
      const before = found.get(id);
      if (entry === undefined || before === undefined || entry.fileUid !== before.fileUid) throw changed(id);
      await allow(entry, lineage);
      const content = await this.#drive.content(entry);
      if (content.file.size !== size) throw changed(id);
      return this.#downloads.read(content, undefined, reading);
    };
    const entries = this.#readable(this.#walk(userId, tops, signal), (entry) => found.set(entry.id, entry));
    return this.#archives.gather(who, { name, owner: ownerOfUser(userId), open }, entries);
  }

  async #tops({ userId, entryIds, allow }: ArchiveWish): Promise<readonly Entry[]> {
    const wanted = new Set(entryIds);
    const located = await this.#drive.tree.locateAll(userId, [...wanted]);
    const tops: Entry[] = [];
    for (const id of wanted) {
      const lineage = located.get(id) ?? [];
      const [entry, ...above] = lineage;
      if (entry === undefined) continue;
      await allow(entry, lineage);
      if (!above.some((folder) => wanted.has(folder.id))) tops.push(entry);
    }
    return tops;
  }

  async *#walk(userId: string, tops: readonly Entry[], signal: AbortSignal): AsyncGenerator<Entry> {
    for (const top of tops) {
      yield { ...top, parentId: undefined };
      if (top.kind === 'file') continue;
      for await (const { entry } of this.#drive.tree.walk(userId, top.id, signal)) yield entry;
    }
  }

  /** Says before the first byte that a file is held back or was rejected, instead of breaking off at it. */
  async *#readable(
    entries: AsyncIterable<Entry>,
    keep: (entry: Entry) => void,
  ): AsyncGenerator<ArchiveEntry> {
    let page: Entry[] = [];
    for await (const entry of entries) {
      keep(entry);
      if (entry.fileUid !== undefined) page.push(entry);
      if (page.length === PAGE) {
        await this.#check(page);
        page = [];
      }
      yield memberOf(entry);
    }
    await this.#check(page);
  }

  async #check(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const uids = [...new Set(entries.flatMap(({ fileUid }) => fileUid ?? []))];
    const files = await this.#metadata.files.findMany(uids);
    const ready = new Set(files.filter(({ state }) => state === 'ready').map(({ uid }) => uid));
    const bad = entries.find(({ fileUid }) => fileUid !== undefined && !ready.has(fileUid));
    if (bad === undefined) return;
    throw new OsproxyError('Conflict', `"${bad.name}" cannot be read; leave it out.`, {
      details: { id: bad.id, name: bad.name },
    });
  }
}

function memberOf({ id, parentId, name, kind, size, modifiedAt }: Entry): ArchiveEntry {
  return { id, parentId, name, kind, size, modifiedAt };
}

function changed(id: string): OsproxyError {
  return new OsproxyError('Conflict', `Entry ${id} has changed since its archive was begun.`, {
    details: { id },
  });
}
