import { OsproxyError } from '../errors.ts';
import type { Remember } from '../idempotency.ts';
import type { ConflictPolicy, DriveRecord, DriveUpload, Entry } from '../model/entry.ts';
import type { FileRecord } from '../model/file.ts';
import type { Uid } from '../model/uid.ts';
import type { UploadRecord } from '../model/upload.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import { noUpload } from '../upload-state.ts';
import type { Placed } from '../upload-whole.ts';
import type { NewUpload, Uploads } from '../uploads.ts';
import type { TransferNote } from '../usage/transfer-note.ts';
import { foldersTo } from './arrivals.ts';
import type { DriveParts } from './drive-parts.ts';
import { checkEntryName, checkFolderPath } from './entry-names.ts';
import { chooseFile, takeRoom } from './filing.ts';
import { chosenName, type LiveFolder, liveFolder, refuseDeep } from './placing.ts';
import { lockedDrive, noDrive } from './tree.ts';

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
    const upload = this.#uploads.prepare(await this.#uploadOf(userId, wanted));
    return this.#parts.metadata.transaction(async (repositories) => {
      await remember?.(repositories, upload.uid);
      const { folder } = await this.#folderFor(repositories, userId, wanted);
      await chosenName(repositories, folder.id, name, conflict, undefined);
      await takeRoom(this.#parts, repositories, userId, { reserved: size });
      await this.#uploads.insert(repositories, upload);
      const to = { uid: upload.uid, userId, parentId: folder.id, name, conflict, size };
      const made: DriveUpload = { ...to, createdAt: upload.createdAt };
      await repositories.drives.insertUpload(made);
      return { upload, to: made };
    });
  }

  /** A file in one request. Room is taken when its bytes have come, in the transaction that makes it: a crash leaves nothing reserved. */
  async write(
    userId: string,
    wanted: NewDriveContent,
    input: AsyncIterable<Uint8Array>,
    options: { readonly signal: AbortSignal; readonly remember?: Remember; readonly note?: TransferNote },
  ): Promise<Written> {
    checkPlace(wanted);
    if ((wanted.size ?? 0) > SENT_ANYWAY) {
      const quota = await this.#parts.quotaOf(this.#parts.metadata, userId);
      await this.#lookForRoom(userId, wanted, quota);
    }
    let entry: Entry | undefined;
    const file = await this.#uploads.writeFile(
      await this.#uploadOf(userId, wanted),
      input,
      options.signal,
      options.remember,
      options.note,
      this.placing(userId, wanted, (made) => {
        entry = made;
      }),
    );
    if (entry === undefined) throw new OsproxyError('Internal', 'A file was made without an entry.');
    return { entry, file };
  }

  /** Gives a new file its place and takes the room that it needs, in the transaction that makes it; `tell` is told the entry. */
  placing(userId: string, wanted: Omit<NewDriveFile, 'size'>, tell: (entry: Entry) => void): Placed {
    checkPlace(wanted);
    return async (repositories, size) => {
      const { folder } = await this.#takePlace(repositories, userId, wanted, size);
      const chosen = await chooseFile(this.#parts, repositories, { userId, ...wanted, folder });
      return async (file) => {
        const entry = await chosen.put(file, this.#parts.clock.now());
        // A new version is no new file.
        if (entry.version > 1) await repositories.drives.grow(userId, { files: -1 });
        tell(entry);
      };
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
      const { folder } = await liveFolder(repositories, userId, place.parentId ?? before.parentId);
      const name = place.name ?? before.name;
      const conflict = place.conflict ?? before.conflict;
      await chosenName(repositories, folder.id, name, conflict, undefined);
      const after: DriveUpload = { ...before, parentId: folder.id, name, conflict };
      await repositories.drives.removeUpload(uid);
      await repositories.drives.insertUpload(after);
      return after;
    });
  }

  async #folderFor(repositories: MetadataWriter, userId: string, wanted: NewDriveFile): Promise<LiveFolder> {
    const drive = await lockedDrive(repositories, userId, this.#parts);
    return this.#folderIn(repositories, drive, wanted);
  }

  async #folderIn(
    repositories: MetadataWriter,
    { userId, rootId }: DriveRecord,
    { parentId, path = '' }: Pick<NewDriveFile, 'parentId' | 'path'>,
  ): Promise<LiveFolder> {
    const start = await liveFolder(repositories, userId, parentId === 'root' ? rootId : parentId);
    const found = await foldersTo(repositories, this.#parts, start, path, this.#parts.clock.now());
    refuseDeep(found.depth + 1);
    return found;
  }

  /** Room and folder under the lock of the drive, which the count of its bytes takes: most often one write and two look-ups. */
  async #takePlace(
    repositories: MetadataWriter,
    userId: string,
    wanted: Pick<NewDriveFile, 'parentId' | 'path'>,
    size: number,
  ): Promise<LiveFolder> {
    const by = { used: size, files: 1 };
    const quota = await this.#parts.quotaOf(repositories, userId);
    if (!(await repositories.drives.grow(userId, by, quota))) {
      // There is no room, or no drive yet.
      await lockedDrive(repositories, userId, this.#parts);
      await takeRoom({ quotaOf: async () => quota }, repositories, userId, by);
    }
    const drive = await repositories.drives.find(userId);
    if (drive === undefined || drive.endedAt !== undefined) throw noDrive(userId);
    return this.#folderIn(repositories, drive, wanted);
  }

  async #uploadOf(
    userId: string,
    { name, size, sha256, md5, withSha1 }: NewDriveContent,
  ): Promise<NewUpload> {
    return { ...(await this.#parts.uploaderOf(userId)), name, size, sha256, md5, withSha1 };
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
    const { folder } = await liveFolder(metadata, userId, parentId === 'root' ? drive.rootId : parentId);
    await chosenName(metadata, folder.id, name, conflict, undefined);
  }
}

function checkPlace({ name, path = '' }: Pick<NewDriveFile, 'name' | 'path'>): void {
  checkEntryName(name);
  checkFolderPath(path);
}
