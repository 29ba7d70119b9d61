import type { FileContent, FileRecord } from './model/file.ts';
import type { Uid } from './model/uid.ts';
import type { Clock } from './ports/clock.ts';
import type { Coordinator } from './ports/coordinator.ts';
import type { FilePageQuery } from './ports/metadata/files.ts';
import type { Metadata } from './ports/metadata.ts';
import { RecentUids } from './recent-uids.ts';
import { idBefore, timeOfId } from './snowflake.ts';

/** A file was renamed, deleted, composed or got void links. */
export const FILE_CHANGED = 'file-changed';
/** Files whose rows came long after their uids: an upload that took its time. */
const ARRIVED = 'file-arrived';
/** News of other nodes may be on its way for this long. */
const NEWS_MS = 1000;

export interface RelaxedFilesOptions {
  readonly metadata: Pick<Metadata, 'files' | 'relaxed'>;
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  /** Milliseconds; what is younger is read from the database itself. More than `maxLagMs`. */
  readonly minAgeMs: number;
  /** Milliseconds that a replica may be behind at most. */
  readonly maxLagMs: number;
}

/**
 * Files read from replicas of the database as far as that breaks no promise. Contents: the file's row, which says whether it is deleted, revoked or renamed, always
 * comes from the database itself; only the parts of its manifest, which never change, come from a replica. Lists: files younger than the age, and pages that
 * something happened to lately, come from the database itself.
 */
export class RelaxedFiles {
  readonly #options: RelaxedFilesOptions;
  readonly #windowMs: number;
  readonly #changed: RecentUids;
  readonly #arrived: RecentUids;
  /** Set from the first list on: before it there is nothing to know. */
  #subscriptions: readonly (() => void)[] | undefined;

  constructor(options: RelaxedFilesOptions) {
    this.#options = options;
    this.#windowMs = options.maxLagMs + NEWS_MS;
    this.#changed = new RecentUids(this.#windowMs);
    this.#arrived = new RecentUids(this.#windowMs);
  }

  /** A file that is not deleted, as it is now; a placement of its parts may be one that was given up moments ago. */
  async content(uid: Uid): Promise<FileContent | undefined> {
    const { metadata } = this.#options;
    const file = await metadata.files.find(uid);
    if (file === undefined || file.state === 'deleted') return undefined;
    // What was composed or sent again lately has a new manifest under an old uid.
    if (file.state === 'ready' && this.#isOld(uid) && this.#isOld(file.manifestId)) {
      const parts = await metadata.relaxed.manifests.parts(file.manifestId);
      const size = parts.reduce((sum, part) => sum + part.size, 0);
      const whole = parts.length > 0 && parts.every(({ placements }) => placements.length > 0);
      if (whole && size === file.size) return { file, parts };
    }
    return metadata.files.content(uid);
  }

  /** A page of files; what was written through this process is in it, what other nodes wrote at the latest when a replica has it. */
  async list(query: FilePageQuery): Promise<readonly FileRecord[]> {
    const { metadata, clock, minAgeMs } = this.#options;
    this.#listen();
    const border = idBefore(clock.now() - minAgeMs);
    const { after, limit } = query;
    const isInside = after !== undefined && BigInt(after) <= BigInt(border);
    const young = isInside ? [] : await metadata.files.list({ ...query, above: border });
    if (young.length === limit) return young;
    // Greater than the border itself, so that no uid falls between the two.
    const rest = {
      ...query,
      after: isInside ? after : String(BigInt(border) + 1n),
      limit: limit - young.length,
    };
    const old = await metadata.relaxed.files.list(rest);
    const isFresh = !this.#touches(rest, old);
    return [...young, ...(isFresh ? old : await metadata.files.list(rest))];
  }

  /** To be called after the commit of a change to a file that was there before. */
  changed(uid: Uid): void {
    this.#changed.add(uid);
  }

  /** To be called after the commit of a new file. */
  async arrived(file: FileRecord): Promise<void> {
    const { coordinator, clock, minAgeMs } = this.#options;
    // A file that is younger when it gets here is read from the database itself until replicas have it.
    if (clock.now() - timeOfId(file.uid) < minAgeMs - this.#windowMs) return;
    this.#arrived.add(file.uid);
    // Where others cannot be told, they see it as soon as their replicas do.
    await coordinator.publish(ARRIVED, file.uid).catch(() => {});
  }

  close(): void {
    for (const end of this.#subscriptions ?? []) end();
  }

  #touches({ after, limit, namePrefix }: FilePageQuery, page: readonly FileRecord[]): boolean {
    const last = page.length < limit ? undefined : page.at(-1)?.uid;
    if (this.#arrived.hasBetween(last, after)) return true;
    // A new name may bring a file into a search that did not find it before.
    if (namePrefix !== undefined && namePrefix !== '') return this.#changed.hasBetween(last, after);
    return this.#changed.hasAny(page.map(({ uid }) => uid));
  }

  #isOld(id: string): boolean {
    const { clock, minAgeMs } = this.#options;
    return clock.now() - timeOfId(id) >= minAgeMs;
  }

  #listen(): void {
    if (this.#subscriptions !== undefined) return;
    // What others said before was not heard.
    this.#arrived.addAll();
    this.#changed.addAll();
    const { coordinator } = this.#options;
    this.#subscriptions = [
      coordinator.subscribe(FILE_CHANGED, (uid) => this.#changed.add(uid)),
      coordinator.subscribe(ARRIVED, (uid) => this.#arrived.add(uid)),
    ];
  }
}
