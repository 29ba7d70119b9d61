import type { DriveJob, Entry } from '../model/entry.ts';
import type { TimePlace } from '../ports/metadata/entries.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import type { DriveParts } from './drive-parts.ts';
import { entryEvent } from './entry-events.ts';
import { startJob } from './jobs.ts';
import type { TimePage } from './lists.ts';
import { dropEntries, haveAtMost, takeOut } from './removal.ts';
import { trashedEntry } from './structure.ts';
import { subtree } from './subtree.ts';

const AT_ONCE = 500;

/** What people put away, until it is gone for good. */
export class DriveTrash {
  readonly #parts: DriveParts;

  constructor(parts: DriveParts) {
    this.#parts = parts;
  }

  /** The last first. */
  async list(userId: string, after: TimePlace | undefined, limit: number): Promise<TimePage> {
    const found = await this.#parts.metadata.entries.trashed(userId, after, limit + 1);
    const entries = found.slice(0, limit);
    const last = entries.at(-1);
    if (found.length <= limit || last === undefined) return { entries, next: undefined };
    return { entries, next: { at: last.trashedAt ?? 0, id: last.id } };
  }

  /** Removes one of it for good. What is in a large folder is removed by a task, which is returned. Throws NotFound, also for what was put there after `until`. */
  async remove(userId: string, entryId: string, until?: number): Promise<DriveJob | undefined> {
    const { metadata, clock, wakeTasks } = this.#parts;
    const job = await metadata.transaction(async (repositories) => {
      await repositories.drives.lock(userId);
      const entry = await trashedEntry(repositories, userId, entryId, until);
      return this.#remove(repositories, [entry], clock.now());
    });
    if (job !== undefined) wakeTasks();
    return job;
  }

  /** Removes all of it for good: at once, or by the task that is returned. What is put into the trash meanwhile stays. */
  async empty(userId: string): Promise<DriveJob | undefined> {
    const { metadata, ids, clock, wakeTasks } = this.#parts;
    const job = await metadata.transaction(async (repositories) => {
      await repositories.drives.lock(userId);
      const entries = await repositories.entries.trashed(userId, undefined, AT_ONCE + 1);
      if (entries.length === 0) return undefined;
      const now = clock.now();
      const inside = entries.length > AT_ONCE ? undefined : await this.#insideOf(repositories, entries);
      if (inside !== undefined) return this.#removeNow(repositories, entries, inside, now);
      return startJob(this.#parts, repositories, { id: ids.next(), userId, kind: 'empty' }, now);
    });
    if (job !== undefined) wakeTasks();
    return job;
  }

  async #remove(
    repositories: MetadataWriter,
    entries: readonly Entry[],
    now: number,
  ): Promise<DriveJob | undefined> {
    const [{ userId } = { userId: '' }] = entries;
    const inside = await this.#insideOf(repositories, entries);
    if (inside !== undefined) return this.#removeNow(repositories, entries, inside, now);
    const job = { id: this.#parts.ids.next(), userId, kind: 'delete' as const };
    const started = await startJob(this.#parts, repositories, job, now);
    await takeOut(repositories, started, entries, now);
    await tellDeleted(repositories, entries, now);
    return started;
  }

  async #removeNow(
    repositories: MetadataWriter,
    entries: readonly Entry[],
    inside: readonly Entry[],
    now: number,
  ): Promise<undefined> {
    const [{ userId } = { userId: '' }] = entries;
    const all = [...entries, ...inside];
    for (let start = 0; start < all.length; start += AT_ONCE) {
      await dropEntries(repositories, userId, all.slice(start, start + AT_ONCE), now);
    }
    await tellDeleted(repositories, entries, now);
  }

  /** What is in these; undefined where that, with the versions of all of it, is too much to be removed at once. */
  async #insideOf(
    repositories: MetadataWriter,
    entries: readonly Entry[],
  ): Promise<readonly Entry[] | undefined> {
    const { atOnce } = this.#parts.drive;
    const folders = entries.filter(({ kind }) => kind === 'folder').map(({ id }) => id);
    const inside = await subtree(repositories, folders, atOnce);
    if (inside === undefined) return undefined;
    const isFew = await haveAtMost(repositories, [...entries, ...inside], atOnce - inside.length);
    return isFew ? inside : undefined;
  }
}

/** Says of each that it is gone for good. */
export function tellDeleted(
  repositories: MetadataWriter,
  entries: readonly Entry[],
  now: number,
): Promise<void> {
  return repositories.events.appendMany(
    entries.map((entry) => entryEvent('entry.deleted', entry)),
    now,
  );
}
