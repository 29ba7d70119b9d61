import { OsproxyError } from '../errors.ts';
import type { Allowance, Uploader } from '../groups.ts';
import type { Remember } from '../idempotency.ts';
import type { ConflictPolicy, DriveUpload, Entry } from '../model/entry.ts';
import type { FileRecord } from '../model/file.ts';
import type { Uid } from '../model/uid.ts';
import type { UploadRecord } from '../model/upload.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import { noUpload } from '../upload-state.ts';
import type { Placing } from '../upload-ties.ts';
import type { Placed } from '../upload-whole.ts';
import type { NewUpload, Uploads } from '../uploads.ts';
import type { TransferNote } from '../usage/transfer-note.ts';
import { foldersTo } from './arrivals.ts';
import type { DriveParts } from './drive-parts.ts';
import { checkEntryName, checkFolderPath } from './entry-names.ts';
import { chooseFile, takeRoom } from './filing.ts';
import { chosenName, type LiveFolder, liveFolder, refuseDeep } from './placing.ts';
import { lockedDrive } from './tree.ts';

/** Bytes that are on their way before anybody could be told that there is no room for them. */
const SENT_ANYWAY = 1024 * 1024;

export interface NewDriveFile {
  readonly parentId: string;
  /** Folders below it, with "/" between, that are made where they are not there. */
  readonly path?: string | undefined;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256?: string | undefined;
  readonly md5?: string | undefined;
  readonly conflict: ConflictPolicy;
}

/** A file that comes in one request. */
export interface NewDriveContent extends Omit<NewDriveFile, 'size'> {
  /** Bytes, where that is known before they have come. */
  readonly size?: number | undefined;
  /** Computes the SHA-1 as well. */
  readonly withSha1?: boolean | undefined;
}

/** A file that was stored, and its place. */
export interface Written {
  readonly entry: Entry;
  readonly file: FileRecord;
}

/** An upload, and where it goes. */
export interface UploadToDrive {
  readonly upload: UploadRecord;
  readonly to: DriveUpload;
  /** What it has become; undefined while it is under way. */
  readonly entryId?: string;
}

/** Files on their way into a drive, by the same uploads that services use. */
export class DriveUploads {
  readonly #parts: DriveParts;
  readonly #uploads: Uploads;

  constructor(parts: DriveParts, uploads: Uploads) {
    this.#parts = parts;
    this.#uploads = uploads;
  }

  /** Reserves room and begins an upload in parts. Throws QuotaExceeded, and AlreadyExists where the name is taken already and may not be. */
  async begin(userId: string, wanted: NewDriveFile, remember?: Remember): Promise<UploadToDrive> {
    const { name, size, conflict } = wanted;
    checkPlace(wanted);
    const { uploader, quota } = await this.#allowanceOf(userId);
    const upload = this.#uploads.prepare(newUpload(uploader, wanted));
    return this.#parts.metadata.transaction(async (repositories) => {
      await remember?.(repositories, upload.uid);
      await lockedDrive(repositories, userId, this.#parts);
      const { folderId } = await this.#folderFor(repositories, userId, wanted);
      await chosenName(repositories, folderId, name, conflict, undefined);
      await takeRoom(repositories, userId, { reserved: size }, quota);
      await this.#uploads.insert(repositories, upload);
      const to = { uid: upload.uid, userId, parentId: folderId, name, conflict, size };
      const made: DriveUpload = { ...to, createdAt: upload.createdAt };
      await repositories.drives.insertUpload(made);
      return { upload, to: made };
    });
  }

  /**
   * A file in one request. Room is taken when its bytes have come, in the transaction that makes it: a crash leaves nothing reserved. What the person may use is
   * what it was when the request came.
   */
  async write(
    userId: string,
    wanted: NewDriveContent,
    input: AsyncIterable<Uint8Array>,
    options: { readonly signal: AbortSignal; readonly remember?: Remember; readonly note?: TransferNote },
  ): Promise<Written> {
    checkPlace(wanted);
    const { uploader, quota } = await this.#allowanceOf(userId);
    if ((wanted.size ?? 0) > SENT_ANYWAY) await this.#lookForRoom(userId, wanted, quota);
    let entry: Entry | undefined;
    const file = await this.#uploads.writeFile(
      newUpload(uploader, wanted),
      input,
      options.signal,
      options.remember,
      options.note,
      async (repositories, size) => {
        const place = { ...wanted, size, quota };
        return this.#place(repositories, userId, place, (made) => {
          entry = made;
        });
      },
    );
    if (entry === undefined) throw new OsproxyError('Internal', 'A file was made without an entry.');
    return { entry, file };
  }

  /** Gives a new file its place and takes the room that it needs, in the transaction that makes it; `tell` is told the entry. */
  placing(userId: string, wanted: Omit<NewDriveFile, 'size'>, tell: (entry: Entry) => void): Placed {
    checkPlace(wanted);
    return async (repositories, size) => {
      const { quota } = await this.#parts.allowanceOf(repositories, userId);
      return this.#place(repositories, userId, { ...wanted, size, quota }, tell);
    };
  }

  /** A person's uploads under way, the last first. */
  async list(
    userId: string,
    after: Uid | undefined,
    limit: number,
  ): Promise<{ readonly uploads: readonly UploadToDrive[]; readonly next: Uid | undefined }> {
    const { metadata } = this.#parts;
    const found = await metadata.drives.uploads(userId, after, limit + 1);
    const uploads: UploadToDrive[] = [];
    for (const to of found.slice(0, limit)) {
      const upload = await metadata.uploads.find(to.uid);
      if (upload?.state === 'open') uploads.push({ upload, to });
    }
    return { uploads, next: found.length > limit ? found[limit - 1]?.uid : undefined };
  }

  /** One that is under way; throws NotFound. */
  async find(userId: string, uid: Uid): Promise<UploadToDrive> {
    const { metadata } = this.#parts;
    const [to, upload] = await Promise.all([metadata.drives.findUpload(uid), metadata.uploads.find(uid)]);
    if (to?.userId !== userId || upload?.state !== 'open') throw noUpload(uid);
    return { upload, to };
  }

  /** What `begin` made of `wanted` before, also once that is an entry. Throws NotFound where it was given up, or its entry or content is gone. */
  async begun(userId: string, uid: Uid, wanted: Pick<NewDriveFile, 'conflict'>): Promise<UploadToDrive> {
    const upload = await this.#parts.metadata.uploads.find(uid);
    if (upload?.state !== 'completed') return this.find(userId, uid);
    const { id, name, parentId, size } = await this.entryOf(userId, uid);
    if (parentId === undefined) throw noUpload(uid);
    const { conflict } = wanted;
    const to = { uid, userId, parentId, name, conflict, size, createdAt: upload.createdAt };
    return { upload, to, entryId: id };
  }

  /** The entry that an upload became; throws NotFound before it did, and when its content was replaced since. */
  async entryOf(userId: string, uid: Uid): Promise<Entry> {
    const entry = await this.#parts.metadata.entries.findByFile(uid);
    if (entry?.userId === userId && entry.jobId === undefined) return entry;
    throw new OsproxyError('NotFound', `Upload ${uid} has no entry.`, { details: { uid } });
  }

  /** Sends an open upload to another place, such as when its folder is gone. */
  async redirect(
    userId: string,
    uid: Uid,
    place: {
      readonly parentId?: string | undefined;
      readonly name?: string | undefined;
      readonly conflict?: ConflictPolicy | undefined;
    },
  ): Promise<DriveUpload> {
    if (place.name !== undefined) checkEntryName(place.name);
    return this.#parts.metadata.transaction(async (repositories) => {
      await repositories.uploads.lock(uid);
      await lockedDrive(repositories, userId, this.#parts);
      const before = await repositories.drives.findUpload(uid);
      if (before?.userId !== userId) throw noUpload(uid);
      const { folderId } = await liveFolder(repositories, userId, place.parentId ?? before.parentId);
      const name = place.name ?? before.name;
      const conflict = place.conflict ?? before.conflict;
      await chosenName(repositories, folderId, name, conflict, undefined);
      const after: DriveUpload = { ...before, parentId: folderId, name, conflict };
      await repositories.drives.removeUpload(uid);
      await repositories.drives.insertUpload(after);
      return after;
    });
  }

  async #folderFor(
    repositories: MetadataWriter,
    userId: string,
    { parentId, path = '' }: Pick<NewDriveFile, 'parentId' | 'path'>,
  ): Promise<LiveFolder> {
    const start = await liveFolder(repositories, userId, parentId);
    const now = this.#parts.clock.now();
    const folder = await foldersTo(repositories, this.#parts, userId, start, path, now);
    refuseDeep(folder.depth + 1);
    return folder;
  }

  /** Under the lock of the drive, which the count of its bytes takes: most often one write and two look-ups. */
  async #place(
    repositories: MetadataWriter,
    userId: string,
    wanted: NewDriveFile & { readonly quota: number | undefined },
    tell: (entry: Entry) => void,
  ): Promise<Placing> {
    const by = { used: wanted.size, files: 1 };
    if (!(await repositories.drives.take(userId, by, wanted.quota))) {
      // There is no room, or no drive yet.
      await lockedDrive(repositories, userId, this.#parts);
      await takeRoom(repositories, userId, by, wanted.quota);
    }
    const { folderId } = await this.#folderFor(repositories, userId, wanted);
    const chosen = await chooseFile(this.#parts, repositories, { userId, ...wanted, folderId });
    return async (file) => {
      const entry = await chosen.put(file, this.#parts.clock.now());
      // A new version is no new file.
      if (entry.version > 1) await repositories.drives.grow(userId, { files: -1 });
      tell(entry);
    };
  }

  #allowanceOf(userId: string): Promise<Allowance> {
    return this.#parts.allowanceOf(this.#parts.metadata, userId);
  }

  /** Early, so that no bytes are sent in vain; what counts is looked at again when they have come. */
  async #lookForRoom(
    userId: string,
    { size = 0, parentId, path, name, conflict }: NewDriveContent,
    quota: number | undefined,
  ): Promise<void> {
    const { metadata } = this.#parts;
    const drive = await metadata.drives.find(userId);
    const { usedBytes = 0, reservedBytes = 0 } = drive ?? {};
    const needed = usedBytes + reservedBytes + size;
    if (quota !== undefined && needed > quota) {
      throw new OsproxyError('QuotaExceeded', `There is no room for ${size} more bytes in this drive.`, {
        details: { field: 'size', quota, usedBytes, reservedBytes, needed: size },
      });
    }
    if (drive === undefined || (path ?? '') !== '') return;
    const { folderId } = await liveFolder(metadata, userId, parentId);
    await chosenName(metadata, folderId, name, conflict, undefined);
  }
}

function newUpload(uploader: Uploader, { name, size, sha256, md5, withSha1 }: NewDriveContent): NewUpload {
  return { ...uploader, name, size, sha256, md5, withSha1 };
}

function checkPlace({ name, path = '' }: Pick<NewDriveFile, 'name' | 'path'>): void {
  checkEntryName(name);
  checkFolderPath(path);
}
