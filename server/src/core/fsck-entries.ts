import { throwIfCancelled } from './cancellation.ts';
import { entryEvent } from './drive/entry-events.ts';
import { nameKeyOf } from './drive/entry-names.ts';
import { startJob } from './drive/jobs.ts';
import { takeOut } from './drive/removal.ts';
import { type DriveCheckOptions, settle, type Wrong } from './fsck-drives.ts';
import type { DriveJob, DriveRecord, Entry } from './model/entry.ts';
import type { Uid } from './model/uid.ts';
import type { DriveQueries } from './ports/metadata/drives.ts';
import type { MetadataReader, MetadataWriter } from './ports/metadata.ts';

const BATCH = 200;
/** What a folder is called in the trash that had no name. */
const NAMELESS = 'recovered';

/** A content that an entry has, or had as an earlier version. */
interface NamedFile {
  readonly entry: Entry;
  readonly version: number;
  readonly fileUid: Uid;
}

/** Looks at each entry of each drive: whether its contents are there, and the folder that it is in. */
export class EntryCheck {
  readonly #options: DriveCheckOptions;

  constructor(options: DriveCheckOptions) {
    this.#options = options;
  }

  async entries(): Promise<void> {
    const { metadata, signal } = this.#options;
    for (let after: string | undefined; ; ) {
      throwIfCancelled(signal);
      const entries = await metadata.entries.scan(after, BATCH);
      await this.#contents(entries);
      await this.#places(entries);
      await this.#circles(entries);
      after = entries.at(-1)?.id;
      if (after === undefined) return;
    }
  }

  async #contents(entries: readonly Entry[]): Promise<void> {
    const { metadata, signal } = this.#options;
    const named = await namedBy(metadata, entries);
    for (let start = 0; start < named.length; start += BATCH) {
      const some = named.slice(start, start + BATCH);
      const found = await metadata.files.findMany([...new Set(some.map(({ fileUid }) => fileUid))]);
      const here = new Set(found.filter(({ state }) => state !== 'deleted').map(({ uid }) => uid));
      for (const one of some) {
        throwIfCancelled(signal);
        if (!here.has(one.fileUid)) await this.#content(one);
      }
    }
  }

  /** It is left to its person to remove it: nothing else is known of it. */
  #content({ entry: { id, userId, version: present }, version, fileUid }: NamedFile): Promise<void> {
    return settle(this.#options, 'entry-without-file', { subject: id, userId }, async (r) => {
      const entry = await r.entries.find(id);
      const isPresent = entry?.fileUid === fileUid;
      const earlier = isPresent ? undefined : await r.entries.findVersion(id, version);
      if (!isPresent && earlier?.fileUid !== fileUid) return undefined;
      const file = await r.files.find(fileUid);
      if (file !== undefined && file.state !== 'deleted') return undefined;
      const what = version === present ? `Entry ${id}` : `Version ${version} of entry ${id}`;
      return { message: `${what} names file ${fileUid}, which is not there.` };
    });
  }

  async #places(entries: readonly Entry[]): Promise<void> {
    const { metadata, signal } = this.#options;
    const parents = [...new Set(entries.flatMap(({ liveParentId }) => liveParentId ?? []))];
    const found = new Map((await metadata.entries.findMany(parents)).map((one) => [one.id, one]));
    const drives = remembered(metadata.drives);
    for (const entry of entries) {
      throwIfCancelled(signal);
      const { id, userId, liveParentId } = entry;
      if (liveParentId !== undefined && isFolderOf(userId, found.get(liveParentId))) continue;
      if (liveParentId === undefined && !(await isLost(drives, entry))) continue;
      const wanted = { subject: id, userId };
      await settle(this.#options, 'entry-without-folder', wanted, (r, drive) => this.#place(r, id, drive));
    }
  }

  async #place(r: MetadataWriter, id: string, drive: DriveRecord | undefined): Promise<Wrong | undefined> {
    const entry = await r.entries.find(id);
    if (entry === undefined) return undefined;
    const { userId, kind, liveParentId } = entry;
    // A root folder that is missing is a finding of its own.
    if (isOpen(drive) && liveParentId === drive.rootId) return undefined;
    const parent = liveParentId === undefined ? undefined : await r.entries.find(liveParentId);
    if (liveParentId === undefined ? !(await isLost(r.drives, entry)) : isFolderOf(userId, parent))
      return undefined;
    const what = kind === 'folder' ? 'Folder' : 'File';
    const message = `${what} ${id} of user ${userId} is in no folder that is there.`;
    return { message, mend: () => this.#mend(r, entry, drive) };
  }

  /** Folders that are in each other, where no root leads to them: one of them is enough to take out. */
  async #circles(entries: readonly Entry[]): Promise<void> {
    const { metadata, signal } = this.#options;
    const folders = entries.filter(
      ({ kind, liveParentId }) => kind === 'folder' && liveParentId !== undefined,
    );
    const lineages = await metadata.entries.lineages(folders.map(({ id }) => id));
    for (const { id, userId } of folders) {
      throwIfCancelled(signal);
      if (!isInItself(lineages.get(id))) continue;
      await settle(this.#options, 'folder-in-itself', { subject: id, userId }, async (r, drive) => {
        const lineage = await r.entries.lineage(id);
        const [folder] = lineage;
        if (folder === undefined || !isInItself(lineage)) return undefined;
        const message = `Folder ${id} of user ${userId} is inside itself, where nobody finds it.`;
        return { message, mend: () => this.#mend(r, folder, drive) };
      });
    }
  }

  async #mend(r: MetadataWriter, entry: Entry, drive: DriveRecord | undefined): Promise<void> {
    const stays =
      isOpen(drive) && entry.jobId === undefined && (await r.users.find(entry.userId)) !== undefined;
    await (stays ? this.#putAway(r, entry, drive) : this.#remove(r, entry));
  }

  /** Its person can bring it back, into a folder that is there. */
  async #putAway(r: MetadataWriter, entry: Entry, { rootId }: DriveRecord): Promise<void> {
    const now = this.#options.clock.now();
    const name = entry.name === '' ? NAMELESS : entry.name;
    const place = { name, nameKey: nameKeyOf(name), parentId: entry.parentId ?? rootId };
    const away = { liveParentId: undefined, trashedAt: now, trashedFrom: '/', updatedAt: now };
    const trashed: Entry = { ...entry, ...place, ...away };
    await r.entries.update(trashed);
    await r.events.append(entryEvent('entry.trashed', trashed), now);
  }

  /** Nobody is there who could bring it back, or it is what a task left. */
  async #remove(r: MetadataWriter, entry: Entry): Promise<void> {
    const { clock, ids } = this.#options;
    const { userId } = entry;
    const now = clock.now();
    const job = await startJob(this.#options, r, { id: ids.next(), userId, kind: 'delete' }, now);
    await takeOut(r, job, [entry], now);
  }
}

async function namedBy({ entries }: MetadataReader, of: readonly Entry[]): Promise<readonly NamedFile[]> {
  const byId = new Map(of.map((entry) => [entry.id, entry]));
  const changed = of.filter(({ version }) => version > 1).map(({ id }) => id);
  const earlier = await entries.versionsOf(changed);
  return [
    ...of.flatMap((entry) => {
      const { version, fileUid } = entry;
      return fileUid === undefined ? [] : [{ entry, version, fileUid }];
    }),
    ...earlier.flatMap(({ entryId, version, fileUid }) => {
      const entry = byId.get(entryId);
      return entry === undefined ? [] : [{ entry, version, fileUid }];
    }),
  ];
}

function isOpen(drive: DriveRecord | undefined): drive is DriveRecord {
  return drive !== undefined && drive.endedAt === undefined;
}

/** True for the oldest folder of a circle. */
function isInItself([folder, ...above]: readonly Entry[] = []): boolean {
  const end = above.findIndex(({ id }) => id === folder?.id);
  if (folder === undefined || end < 0) return false;
  return above.slice(0, end).every(({ id }) => BigInt(id) > BigInt(folder.id));
}

function isFolderOf(userId: string, parent: Entry | undefined): boolean {
  return parent?.kind === 'folder' && parent.userId === userId;
}

/** What an entry that is in no folder may belong to. */
type Holding = Pick<DriveQueries, 'find' | 'findJob'>;

/** Asks once for each of what many entries of a page belong to. */
function remembered(drives: Holding): Holding {
  const [found, jobs] = [new Map<string, DriveRecord | undefined>(), new Map<string, DriveJob | undefined>()];
  return {
    find: async (userId) => {
      if (!found.has(userId)) found.set(userId, await drives.find(userId));
      return found.get(userId);
    },
    findJob: async (id) => {
      if (!jobs.has(id)) jobs.set(id, await drives.findJob(id));
      return jobs.get(id);
    },
  };
}

/** True for what is in no folder and is neither a root folder, nor in somebody's trash, nor what a task is about. */
async function isLost(drives: Holding, { id, userId, parentId, trashedAt, jobId }: Entry): Promise<boolean> {
  if (jobId !== undefined) {
    const job = await drives.findJob(jobId);
    return job === undefined || job.endedAt !== undefined;
  }
  const drive = await drives.find(userId);
  if (trashedAt !== undefined) return drive === undefined;
  return parentId !== undefined || drive?.rootId !== id;
}
