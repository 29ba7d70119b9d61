import { OsproxyError } from '../errors.ts';
import type { Entry, EntryVersion } from '../model/entry.ts';
import type { MetadataReader, MetadataWriter } from '../ports/metadata.ts';
import { copyFiles } from './contents.ts';
import type { DriveParts } from './drive-parts.ts';
import { presentVersion, putVersion, removeVersions, takeRoom } from './filing.ts';
import { liveLineage, lockedDrive } from './tree.ts';

/** The contents that a file has and had. */
export class DriveVersions {
  readonly #parts: DriveParts;

  constructor(parts: DriveParts) {
    this.#parts = parts;
  }

  /** The present one first, then those before; all that are kept. */
  async list(userId: string, entryId: string): Promise<readonly EntryVersion[]> {
    const { metadata } = this.#parts;
    const entry = await fileOf(metadata, userId, entryId);
    return [presentVersion(entry), ...(await metadata.entries.versions(entry.id, undefined, 1000))];
  }

  /** Throws NotFound. */
  async find(
    userId: string,
    entryId: string,
    version: number,
  ): Promise<{ readonly entry: Entry; readonly version: EntryVersion }> {
    const entry = await fileOf(this.#parts.metadata, userId, entryId);
    return { entry, version: await versionOf(this.#parts.metadata, entry, version) };
  }

  /** Makes an earlier content the present one again, as a version of its own. */
  async restore(userId: string, entryId: string, version: number): Promise<Entry> {
    return this.#change(userId, async (repositories, now) => {
      const entry = await fileOf(repositories, userId, entryId);
      if (version === entry.version) return entry;
      const { fileUid: uid, contentType, size } = await versionOf(repositories, entry, version);
      const { quota } = await this.#parts.allowanceOf(repositories, userId);
      await takeRoom(repositories, userId, { used: size }, quota);
      const wanted = [{ uid, name: entry.name, contentType }];
      const [file] = await copyFiles(this.#parts, repositories, wanted, now);
      if (file === undefined) throw noVersion(entry.id, version);
      return putVersion(this.#parts, repositories, entry, file, now);
    });
  }

  /** Removes an earlier content for good. Throws Conflict for the present one. */
  async remove(userId: string, entryId: string, version: number): Promise<void> {
    await this.#change(userId, async (repositories, now) => {
      const entry = await fileOf(repositories, userId, entryId);
      if (version === entry.version) {
        throw new OsproxyError(
          'Conflict',
          `Version ${version} is the present one; delete the file instead.`,
          {
            details: { id: entry.id, version },
          },
        );
      }
      await removeVersions(repositories, entry, [await versionOf(repositories, entry, version)], now);
    });
  }

  async #change<T>(
    userId: string,
    work: (repositories: MetadataWriter, now: number) => Promise<T>,
  ): Promise<T> {
    const { metadata, clock, wakeTasks } = this.#parts;
    const result = await metadata.transaction(async (repositories) => {
      await lockedDrive(repositories, userId, this.#parts);
      return work(repositories, clock.now());
    });
    wakeTasks();
    return result;
  }
}

async function fileOf(repositories: MetadataReader, userId: string, entryId: string): Promise<Entry> {
  const [entry] = await liveLineage(repositories, userId, entryId);
  if (entry?.kind === 'file') return entry;
  throw new OsproxyError('Conflict', `Entry ${entryId} is a folder; only files have versions.`, {
    details: { id: entryId },
  });
}

async function versionOf({ entries }: MetadataReader, entry: Entry, version: number): Promise<EntryVersion> {
  if (version === entry.version) return presentVersion(entry);
  const found = await entries.findVersion(entry.id, version);
  if (found === undefined) throw noVersion(entry.id, version);
  return found;
}

function noVersion(id: string, version: number): OsproxyError {
  return new OsproxyError('NotFound', `There is no version ${version} of entry ${id}.`, {
    details: { id, version },
  });
}
