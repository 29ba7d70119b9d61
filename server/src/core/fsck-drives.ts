import { throwIfCancelled } from './cancellation.ts';
import { dropFiles } from './drive/contents.ts';
import type { DriveParts } from './drive/drive-parts.ts';
import { startJob } from './drive/jobs.ts';
import { newFolder } from './drive/new-entry.ts';
import type { DriveRecord } from './model/entry.ts';
import type { FileRecord } from './model/file.ts';
import { userOfOwner } from './model/principal.ts';
import type { Uid } from './model/uid.ts';
import type { DriveCount } from './ports/metadata/drives.ts';
import type { MetadataWriter } from './ports/metadata.ts';

export type DriveFindingKind =
  | 'entry-without-file'
  | 'entry-without-folder'
  | 'folder-in-itself'
  | 'file-without-entry'
  | 'drive-miscounted'
  | 'drive-without-root'
  | 'drive-without-person';

interface DriveFinding {
  readonly kind: DriveFindingKind;
  /** What it is about: an entry, a file, or the person whose drive it is. */
  readonly subject: string;
  readonly message: string;
  readonly repaired: boolean;
}

export interface DriveCheckOptions extends Pick<DriveParts, 'metadata' | 'clock' | 'ids' | 'settings'> {
  readonly repair: boolean;
  /** Files that no entry names count only when they are older than this. Milliseconds. */
  readonly graceMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly report: (finding: DriveFinding) => void;
}

/** What is wrong under the drive's lock; `mend` puts it right in the same transaction. */
export interface Wrong {
  readonly message: string;
  readonly mend?: () => Promise<unknown>;
}

const BATCH = 200;
/** Jobs of one person that are looked through for the one that ends the drive. */
const MOST_JOBS = 1000;

/** Looks, at what seemed wrong, again under the lock of the person's drive, where nothing is halfway; only what is wrong there is reported, and mended. */
export async function settle(
  { metadata, repair, report }: DriveCheckOptions,
  kind: DriveFindingKind,
  { subject, userId }: { readonly subject: string; readonly userId: string },
  look: (repositories: MetadataWriter, drive: DriveRecord | undefined) => Promise<Wrong | undefined>,
): Promise<void> {
  const found = await metadata.transaction(async (repositories) => {
    const wrong = await look(repositories, await repositories.drives.lock(userId));
    if (wrong === undefined) return undefined;
    if (repair) await wrong.mend?.();
    return { message: wrong.message, repaired: repair && wrong.mend !== undefined };
  });
  if (found !== undefined) report({ kind, subject, ...found });
}

/** Compares what is said of people's drives with what is in them. */
export class DriveCheck {
  readonly #options: DriveCheckOptions;

  constructor(options: DriveCheckOptions) {
    this.#options = options;
  }

  /** All drives; returns how many. */
  async drives(): Promise<number> {
    const { metadata, signal } = this.#options;
    let count = 0;
    for (let after: string | undefined; ; ) {
      const drives = await metadata.drives.scan(after, BATCH);
      const people = await metadata.users.findMany(drives.map(({ userId }) => userId));
      const known = new Set(people.map(({ id }) => id));
      const tops = await metadata.entries.findMany(drives.map(({ rootId }) => rootId));
      const roots = new Set(tops.map(({ id }) => id));
      for (const { userId, rootId } of drives) {
        throwIfCancelled(signal);
        if (!known.has(userId)) await this.#person(userId);
        if (!roots.has(rootId)) await this.#root(userId);
        await this.#counts(userId);
      }
      count += drives.length;
      after = drives.at(-1)?.userId;
      if (after === undefined) return count;
    }
  }

  /** Those of these files that are a person's, and that nothing in the drive names. At most 1000. */
  async files(files: readonly FileRecord[]): Promise<void> {
    const { metadata, clock, graceMs, signal } = this.#options;
    const cutoff = clock.now() - graceMs;
    const owned = files.flatMap(({ uid, owner, createdAt }) => {
      const userId = createdAt > cutoff ? undefined : userOfOwner(owner);
      return userId === undefined ? [] : [{ uid, userId }];
    });
    if (owned.length === 0) return;
    const named = await metadata.entries.namedFiles(owned.map(({ uid }) => uid));
    for (const { uid, userId } of owned) {
      throwIfCancelled(signal);
      if (!named.has(uid)) await this.#file(uid, userId);
    }
  }

  /** Nobody comes back for what is in the drive of a person who was deleted. */
  #person(userId: string): Promise<void> {
    const { ids, clock } = this.#options;
    return settle(this.#options, 'drive-without-person', { subject: userId, userId }, async (r, drive) => {
      if (drive === undefined || (await r.users.find(userId)) !== undefined) return undefined;
      const jobs = await r.drives.unfinishedJobsOf(userId, MOST_JOBS);
      if (jobs.some(({ kind }) => kind === 'end')) return undefined;
      const message = `The drive of user ${userId} is there without its user, and nothing removes it.`;
      const mend = async () => {
        const now = clock.now();
        if (drive.endedAt === undefined) await r.drives.end(userId, now);
        await startJob(this.#options, r, { id: ids.next(), userId, kind: 'end' }, now);
      };
      return { message, mend };
    });
  }

  #root(userId: string): Promise<void> {
    return settle(this.#options, 'drive-without-root', { subject: userId, userId }, async (r, drive) => {
      // One that is being removed loses its root folder before it is gone.
      if (drive === undefined || drive.endedAt !== undefined) return undefined;
      const { rootId: id } = drive;
      if ((await r.entries.find(id)) !== undefined) return undefined;
      const root = newFolder({ id, userId, parentId: undefined, name: '' }, this.#options.clock.now());
      const message = `The drive of user ${userId} has no root folder.`;
      return { message, mend: () => r.entries.insert(root) };
    });
  }

  async #counts(userId: string): Promise<void> {
    const { drives } = this.#options.metadata;
    const before = await drives.find(userId);
    if (before === undefined || isSame(before, await drives.counted(userId))) return;
    await settle(this.#options, 'drive-miscounted', { subject: userId, userId }, async (r, drive) => {
      if (drive === undefined) return undefined;
      const right = await r.drives.counted(userId);
      if (isSame(drive, right)) return undefined;
      const message = `The drive of user ${userId} counts ${inWords(drive)}, and has ${inWords(right)}.`;
      const mend = async () => {
        if (drive.reservedBytes !== right.reservedBytes) await forgetEnded(r, userId);
        await r.drives.grow(userId, {
          used: right.usedBytes - drive.usedBytes,
          reserved: right.reservedBytes - drive.reservedBytes,
          files: right.files - drive.files,
        });
      };
      return { message, mend };
    });
  }

  #file(uid: Uid, userId: string): Promise<void> {
    return settle(this.#options, 'file-without-entry', { subject: uid, userId }, async (r) => {
      const file = await r.files.find(uid);
      if (file === undefined || file.state === 'deleted') return undefined;
      if ((await r.entries.namedFiles([uid])).has(uid)) return undefined;
      if ((await r.uploads.find(uid))?.state === 'open') return undefined;
      const message = `File ${uid} of user ${userId}, of ${file.size} bytes, is in no folder and is no earlier version.`;
      return { message, mend: () => dropFiles(r, [uid], this.#options.clock.now()) };
    });
  }
}

function isSame(one: DriveCount, other: DriveCount): boolean {
  return (
    one.usedBytes === other.usedBytes &&
    one.reservedBytes === other.reservedBytes &&
    one.files === other.files
  );
}

function inWords({ usedBytes, reservedBytes, files }: DriveCount): string {
  return `${usedBytes} bytes in ${files} files and ${reservedBytes} reserved`;
}

/** Uploads that are over reserve nothing, whatever was left of them in the drive. */
async function forgetEnded({ drives, uploads }: MetadataWriter, userId: string): Promise<void> {
  for (let after: Uid | undefined; ; ) {
    const page = await drives.uploads(userId, after, BATCH);
    for (const { uid } of page) {
      if ((await uploads.find(uid))?.state !== 'open') await drives.removeUpload(uid);
    }
    after = page.at(-1)?.uid;
    if (after === undefined) return;
  }
}
