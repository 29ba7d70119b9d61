import { OsproxyError } from '../errors.ts';
import { type ConflictPolicy, type DriveJob, type Entry, MAX_DEPTH } from '../model/entry.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import { copyFiles } from './contents.ts';
import { copyEntries } from './copying.ts';
import type { DriveParts } from './drive-parts.ts';
import { entryEvent } from './entry-events.ts';
import { checkEntryName } from './entry-names.ts';
import { bytesOf, chooseFile, takeRoom } from './filing.ts';
import { startJob } from './jobs.ts';
import { newFolder } from './new-entry.ts';
import { chosenName, type LiveFolder, liveFolder, refuseDeep } from './placing.ts';
import { depthBelow, subtree } from './subtree.ts';
import { liveLineage, lockedDrive } from './tree.ts';

export interface CopyRequest {
  readonly parentId: string;
  /** Default: the name that it has. */
  readonly name?: string | undefined;
  readonly conflict: ConflictPolicy;
}

/** What came of it at once, or the task that does it. */
export type CopyResult =
  | { readonly entry: Entry; readonly job?: undefined }
  | { readonly job: DriveJob; readonly entry?: undefined };

/** Copies: new names over the same contents. No byte moves; what a copy has counts as any other file does. */
export class DriveCopies {
  readonly #parts: DriveParts;

  constructor(parts: DriveParts) {
    this.#parts = parts;
  }

  async copy(userId: string, entryId: string, wanted: CopyRequest): Promise<CopyResult> {
    if (wanted.name !== undefined) checkEntryName(wanted.name);
    const { metadata, clock, wakeTasks } = this.#parts;
    const result = await metadata.transaction(async (repositories): Promise<CopyResult> => {
      await lockedDrive(repositories, userId, this.#parts);
      const now = clock.now();
      const [source] = await liveLineage(repositories, userId, entryId);
      const target = await liveFolder(repositories, userId, wanted.parentId);
      refuseDeep(target.depth + 1);
      if (source?.parentId === undefined) {
        throw new OsproxyError('InvalidArgument', 'The root folder cannot be copied.', {
          details: { field: 'id' },
        });
      }
      if (source.kind === 'file') {
        return { entry: await this.#copyFile(repositories, source, target, wanted, now) };
      }
      return this.#copyFolder(repositories, source, target, wanted, now);
    });
    wakeTasks();
    return result;
  }

  async #copyFile(
    repositories: MetadataWriter,
    source: Entry,
    { folderId }: LiveFolder,
    { name = source.name, conflict }: CopyRequest,
    now: number,
  ): Promise<Entry> {
    const { userId, size, contentType = '', fileUid = '0' } = source;
    const { quota } = await this.#parts.allowanceOf(repositories, userId);
    await takeRoom(repositories, userId, { used: size }, quota);
    const chosen = await chooseFile(this.#parts, repositories, { userId, folderId, name, conflict });
    const [file] = await copyFiles(this.#parts, repositories, [{ uid: fileUid, name, contentType }], now);
    if (file === undefined) {
      throw new OsproxyError('NotFound', `The content of entry ${source.id} is gone.`, {
        details: { id: source.id },
      });
    }
    const entry = await chosen.put(file, now);
    if (entry.version === 1) await repositories.drives.grow(userId, { files: 1 });
    return entry;
  }

  async #copyFolder(
    repositories: MetadataWriter,
    source: Entry,
    { folderId, depth }: LiveFolder,
    { name: wanted = source.name, conflict }: CopyRequest,
    now: number,
  ): Promise<CopyResult> {
    const { userId } = source;
    const above = await liveLineage(repositories, userId, folderId);
    if (above.some(({ id }) => id === source.id)) {
      throw new OsproxyError('Conflict', 'A folder cannot be copied into itself or a folder inside it.', {
        details: { id: source.id, parentId: folderId },
      });
    }
    refuseDeep(depth + 1 + (await depthBelow(repositories, source.id, MAX_DEPTH - depth - 1)));
    const id = this.#parts.ids.next();
    const self = { id, kind: 'folder' as const };
    const { name } = await chosenName(repositories, folderId, wanted, conflict, self);
    const top = newFolder({ id, userId, parentId: folderId, name }, now);
    const inside = await subtree(repositories, [source.id], this.#parts.drive.atOnce);
    if (inside !== undefined) return { entry: await this.#copyNow(repositories, source, top, inside, now) };
    const jobId = this.#parts.ids.next();
    await repositories.entries.insert({ ...top, liveParentId: undefined, jobId });
    const what = { sourceId: source.id, parentId: folderId, name: wanted, conflict, stagingId: id };
    return {
      job: await startJob(this.#parts, repositories, { id: jobId, userId, kind: 'copy', ...what }, now),
    };
  }

  async #copyNow(
    repositories: MetadataWriter,
    source: Entry,
    top: Entry,
    inside: readonly Entry[],
    now: number,
  ): Promise<Entry> {
    const { userId } = source;
    const { quota } = await this.#parts.allowanceOf(repositories, userId);
    await takeRoom(repositories, userId, { used: bytesOf(inside) }, quota);
    await repositories.entries.insert(top);
    const { entries } = await copyEntries(
      this.#parts,
      repositories,
      inside,
      ({ parentId = '' }, newIds) => (parentId === source.id ? top.id : (newIds.get(parentId) ?? '')),
      now,
    );
    const files = entries.filter(({ kind }) => kind === 'file').length;
    await repositories.drives.grow(userId, { used: bytesOf(entries) - bytesOf(inside), files });
    await repositories.events.append(entryEvent('entry.created', top, { entries: entries.length }), now);
    return top;
  }
}
