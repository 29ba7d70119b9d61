import type { Downloads } from '../downloads.ts';
import { isOsproxyError, OsproxyError } from '../errors.ts';
import type { EventFeed } from '../events/event-feed.ts';
import { readable } from '../files.ts';
import type { DriveJob, Entry, EntryVersion } from '../model/entry.ts';
import type { FileContent, FileRecord } from '../model/file.ts';
import { extensionOf } from '../names.ts';
import type { ContentTyper } from '../ports/content-typer.ts';
import type { Uploads } from '../uploads.ts';
import { DriveChanges, type SessionLook } from './changes.ts';
import { DriveCopies } from './copies.ts';
import type { DriveParts } from './drive-parts.ts';
import { DriveUploads } from './drive-uploads.ts';
import { DriveJobs, startJob } from './jobs.ts';
import { DriveLists } from './lists.ts';
import { DriveStructure, type MoveRequest } from './structure.ts';
import { DriveTrash } from './trash.ts';
import { DriveTree } from './tree.ts';
import { DriveVersions } from './versions.ts';

interface DriveReading {
  readonly downloads: Downloads;
  readonly typer: ContentTyper;
  readonly feed: EventFeed;
  readonly sessions: SessionLook;
}

/** What people have: folders, and files in them. */
export class Drive {
  readonly tree: DriveTree;
  readonly structure: DriveStructure;
  readonly uploads: DriveUploads;
  readonly versions: DriveVersions;
  readonly copies: DriveCopies;
  readonly trash: DriveTrash;
  readonly lists: DriveLists;
  readonly jobs: DriveJobs;
  readonly changes: DriveChanges;
  readonly #parts: DriveParts;
  readonly #reading: DriveReading;

  constructor(parts: DriveParts, uploads: Uploads, reading: DriveReading) {
    this.#parts = parts;
    this.#reading = reading;
    this.tree = new DriveTree(parts);
    this.structure = new DriveStructure(parts);
    this.uploads = new DriveUploads(parts, uploads);
    this.versions = new DriveVersions(parts);
    this.copies = new DriveCopies(parts);
    this.trash = new DriveTrash(parts);
    this.lists = new DriveLists(parts.metadata, this.tree);
    this.jobs = new DriveJobs(parts);
    this.changes = new DriveChanges(reading.feed, reading.sessions);
  }

  /**
   * What is to be read of a file, or of an earlier version of it, under the name that the entry has. Throws Locked while the content is held back, Conflict
   * when it was rejected and for a folder.
   */
  async content(entry: Entry, version?: EntryVersion): Promise<FileContent> {
    const uid = version === undefined ? entry.fileUid : version.fileUid;
    if (uid === undefined) {
      throw new OsproxyError('Conflict', `Entry ${entry.id} is a folder and has no content.`, {
        details: { id: entry.id },
      });
    }
    const content = await this.#parts.records.find(uid);
    if (content === undefined) {
      throw new OsproxyError('NotFound', `The content of entry ${entry.id} is gone.`, {
        details: { id: entry.id },
      });
    }
    const { file, parts } = readable(content);
    const contentType = (version ?? entry).contentType ?? file.contentType;
    return { file: { ...file, name: entry.name, contentType }, parts };
  }

  /** As `structure.move`; a file whose name gets another extension may get another content type. */
  async rename(userId: string, entryId: string, wanted: MoveRequest, signal?: AbortSignal): Promise<Entry> {
    const { name } = wanted;
    const entry = await this.tree.find(userId, entryId);
    if (name === undefined || entry.kind === 'folder' || extensionOf(name) === extensionOf(entry.name)) {
      return this.structure.move(userId, entryId, wanted);
    }
    const contentType = await this.#typeAs(entry, name, signal);
    return this.structure.move(userId, entryId, { ...wanted, contentType });
  }

  /** Undefined where the content cannot be looked at now. */
  async #typeAs(entry: Entry, name: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    const { downloads, typer } = this.#reading;
    try {
      return await typer.detect(await downloads.readHead(await this.content(entry), signal), name);
    } catch (error) {
      if (isOsproxyError(error, 'Cancelled') || !isOsproxyError(error)) throw error;
      return undefined;
    }
  }

  /** The files of entries or versions, by uid; those that are gone are left out. At most 1000. */
  async files(
    of: readonly { readonly fileUid: string | undefined }[],
  ): Promise<ReadonlyMap<string, FileRecord>> {
    const uids = of.flatMap(({ fileUid }) => fileUid ?? []);
    const found = await this.#parts.metadata.files.findMany(uids);
    return new Map(found.filter(({ state }) => state !== 'deleted').map((file) => [file.uid, file]));
  }

  async quotaOf(userId: string): Promise<number | undefined> {
    return (await this.#parts.allowanceOf(this.#parts.metadata, userId)).quota;
  }

  /** Begins to remove everything of a person, who cannot put anything in from now on; a task does the rest. For the transaction that deletes the person. */
  async end(repositories: Parameters<typeof startJob>[1], userId: string): Promise<DriveJob | undefined> {
    const drive = await repositories.drives.lock(userId);
    if (drive === undefined || drive.endedAt !== undefined) return undefined;
    const now = this.#parts.clock.now();
    await repositories.drives.end(userId, now);
    const job = { id: this.#parts.ids.next(), userId, kind: 'end' as const };
    return startJob(this.#parts, repositories, job, now);
  }
}
