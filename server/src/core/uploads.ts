import { mayTouch } from './access.ts';
import { refineType } from './content-types.ts';
import { readyFile, unverifiedManifest, wholeManifest } from './contents.ts';
import { OsproxyError } from './errors.ts';
import type { Remember } from './idempotency.ts';
import type { Ingest, Landed } from './ingest.ts';
import type { Expectation } from './model/blob.ts';
import type { FileRecord } from './model/file.ts';
import type { Manifest } from './model/manifest.ts';
import type { Principal } from './model/principal.ts';
import type { Uid } from './model/uid.ts';
import { MAX_PARTS, type PartRecord, type UploadRecord } from './model/upload.ts';
import { checkName } from './names.ts';
import type { Clock } from './ports/clock.ts';
import type { ContentTyper } from './ports/content-typer.ts';
import type { IdSource } from './ports/ids.ts';
import type { Metadata, MetadataWriter } from './ports/metadata.ts';
import { composeTask } from './tasks/compose-payload.ts';
import { type CompleteRequest, checkCompleted, checkParts } from './upload-checks.ts';

export interface NewUpload {
  readonly owner: string;
  readonly name: string;
  /** Of the whole content, as far as the client knows them. */
  readonly size?: number | undefined;
  readonly md5?: string | undefined;
  readonly sha256?: string | undefined;
  /** The client's claim; counts only where bytes and name say nothing. */
  readonly contentType?: string | undefined;
  /** Keeps the upload open at least until then; milliseconds since the epoch. */
  readonly notBefore?: number | undefined;
}

export interface UploadSettings {
  /** Bytes advised to clients. */
  readonly partSize: number;
  /** Milliseconds without a new part after which an open upload is ended. */
  readonly expireMs: number;
  /** Bytes. */
  readonly maxFileSize: number;
  readonly maxPartSize: number;
}

export interface UploadStatus {
  readonly upload: UploadRecord;
  /** Ascending by number. */
  readonly parts: readonly PartRecord[];
}

export interface UploadsOptions {
  readonly metadata: Metadata;
  readonly ingest: Ingest;
  readonly typer: ContentTyper;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly settings: UploadSettings;
  /** Called after a commit that enqueued a task. */
  readonly wakeTasks: () => void;
}

/** Parts in, file out. Every call may be repeated, also at once, and gives one result. */
export class Uploads {
  readonly settings: UploadSettings;
  readonly #metadata: Metadata;
  readonly #ingest: Ingest;
  readonly #typer: ContentTyper;
  readonly #ids: IdSource;
  readonly #clock: Clock;
  readonly #wakeTasks: () => void;

  constructor(options: UploadsOptions) {
    this.settings = options.settings;
    this.#metadata = options.metadata;
    this.#ingest = options.ingest;
    this.#typer = options.typer;
    this.#ids = options.ids;
    this.#clock = options.clock;
    this.#wakeTasks = options.wakeTasks;
  }

  /** A record to be inserted; checks name and size. */
  prepare(wanted: NewUpload): UploadRecord {
    checkName(wanted.name);
    this.checkSize(wanted.size);
    const now = this.#clock.now();
    return {
      uid: this.#ids.next(),
      owner: wanted.owner,
      name: wanted.name,
      state: 'open',
      size: wanted.size,
      md5: wanted.md5,
      sha256: wanted.sha256,
      contentType: wanted.contentType,
      partSize: this.#partSizeFor(wanted.size),
      createdAt: now,
      expiresAt: Math.max(now + this.settings.expireMs, wanted.notBefore ?? 0),
      completedAt: undefined,
    };
  }

  async create(wanted: NewUpload, remember?: Remember): Promise<UploadRecord> {
    const upload = this.prepare(wanted);
    await this.#metadata.transaction(async (repositories) => {
      await remember?.(repositories, upload.uid);
      await repositories.uploads.insert(upload);
    });
    return upload;
  }

  /** All of them or none. */
  async createMany(wanted: readonly NewUpload[]): Promise<readonly UploadRecord[]> {
    const uploads = wanted.map((one) => this.prepare(one));
    await this.#metadata.transaction(async (repositories) => {
      for (const upload of uploads) await repositories.uploads.insert(upload);
    });
    return uploads;
  }

  /** An upload of any state that the principal may see; throws NotFound. */
  async find(principal: Principal, uid: Uid): Promise<UploadRecord> {
    const upload = await this.#metadata.uploads.find(uid);
    if (upload === undefined || !mayTouch(principal, upload)) throw noUpload(uid);
    return upload;
  }

  async status(principal: Principal, uid: Uid): Promise<UploadStatus> {
    const upload = await this.find(principal, uid);
    return { upload, parts: await this.#metadata.uploads.parts(uid) };
  }

  /** True when an open upload has at least one part. */
  async hasBegun(uid: Uid): Promise<boolean> {
    const upload = await this.#metadata.uploads.find(uid);
    if (upload?.state !== 'open' || upload.expiresAt <= this.#clock.now()) return false;
    return (await this.#metadata.uploads.parts(uid)).length > 0;
  }

  /** Stores part `number` (1 to 10 000), or replaces it when its bytes differ. Nothing is committed unless `expect` is met. */
  async writePart(
    uid: Uid,
    number: number,
    input: AsyncIterable<Uint8Array>,
    expect: Expectation,
    signal?: AbortSignal,
  ): Promise<PartRecord> {
    if (!Number.isInteger(number) || number < 1 || number > MAX_PARTS) {
      throw new OsproxyError(
        'InvalidArgument',
        `The part number must be a whole number from 1 to ${MAX_PARTS}.`,
        {
          details: { field: 'number' },
        },
      );
    }
    checkAlive(await this.#metadata.uploads.find(uid), uid, this.#clock.now());
    const landed = await this.#ingest.land(input, expect, signal);
    const contentType = number === 1 ? await this.#typeOf(uid, landed) : undefined;
    return this.#ingest.commit(landed, async (repositories, settle) => {
      const now = this.#clock.now();
      const upload = checkAlive(await repositories.uploads.lock(uid), uid, now);
      const old = await repositories.uploads.findPart(uid, number);
      const same = old?.sha256 === landed.digests.sha256 && old.size === landed.digests.size;
      if (upload.state === 'completed') {
        if (old !== undefined && same) return old;
        throw new OsproxyError(
          'Conflict',
          `Upload ${uid} is complete; its parts cannot be changed any more.`,
        );
      }
      // A repeated part settles too: that heals a stored copy whose bytes went missing.
      const { blobId } = await settle();
      await this.#keepOpen(repositories, upload, now);
      if (old !== undefined && old.blobId === blobId) return old;
      const { size, md5, sha256 } = landed.digests;
      const part: PartRecord = { number, blobId, size, md5, sha256, contentType, createdAt: now };
      await repositories.uploads.putPart(uid, part);
      if (old !== undefined) await repositories.blobs.markIdle([old.blobId], now);
      return part;
    });
  }

  /** Stores the whole content of an upload in one go and makes it a file. */
  async writeWhole(
    uid: Uid,
    input: AsyncIterable<Uint8Array>,
    expect: Expectation,
    signal?: AbortSignal,
  ): Promise<FileRecord> {
    const begun = checkAlive(await this.#metadata.uploads.find(uid), uid, this.#clock.now());
    const declared = { size: begun.size, md5: begun.md5, sha256: begun.sha256 };
    const landed = await this.#ingest.land(input, { ...declared, ...withoutUndefined(expect) }, signal);
    const contentType = refineType(await this.#typer.detect(landed.head, begun.name), begun.contentType);
    return this.#ingest.commit(landed, async (repositories, settle) => {
      const now = this.#clock.now();
      const upload = checkAlive(await repositories.uploads.lock(uid), uid, now);
      if (upload.state === 'completed') {
        const file = await repositories.files.find(uid);
        if (file?.state === 'ready' && file.sha256 === landed.digests.sha256) return file;
        throw new OsproxyError(
          'Conflict',
          `Upload ${uid} is complete with other content; create a new upload.`,
        );
      }
      const parts = await repositories.uploads.parts(uid);
      const manifest = await wholeManifest(repositories, this.#ids, landed, settle, now);
      const blobs = parts.map((part) => part.blobId);
      if (blobs.length > 0) await repositories.blobs.markIdle(blobs, now);
      return this.#becomeFile(repositories, upload, manifest, contentType, now);
    });
  }

  /** A file in one call, without an upload before it. */
  async writeFile(
    wanted: NewUpload,
    input: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
    remember?: Remember,
  ): Promise<FileRecord> {
    checkName(wanted.name);
    this.checkSize(wanted.size);
    const { size, md5, sha256, owner, name } = wanted;
    const landed = await this.#ingest.land(input, { size, md5, sha256 }, signal);
    const contentType = refineType(await this.#typer.detect(landed.head, name), wanted.contentType);
    const uid = this.#ids.next();
    return this.#ingest.commit(landed, async (repositories, settle) => {
      const now = this.#clock.now();
      await remember?.(repositories, uid);
      const manifest = await wholeManifest(repositories, this.#ids, landed, settle, now);
      const file = readyFile({ uid, owner, name, contentType, manifest, md5, sha256 }, now);
      await repositories.files.insert(file);
      return file;
    });
  }

  /** Commits the parts as a file that can be read at once; verification of the whole follows in the background. */
  async complete(uid: Uid, request: CompleteRequest = {}): Promise<FileRecord> {
    const emptyType = await this.#typer.detect(new Uint8Array(0), '');
    const file = await this.#metadata.transaction(async (repositories) => {
      const now = this.#clock.now();
      const upload = checkAlive(await repositories.uploads.lock(uid), uid, now);
      if (upload.state === 'completed')
        return checkCompleted(uid, await repositories.files.find(uid), request);
      const parts = await repositories.uploads.parts(uid);
      const whole = checkParts(upload, parts, request);
      this.checkSize(whole.size);
      const manifest = await this.#manifestOf(repositories, parts, now);
      const contentType = parts[0]?.contentType ?? emptyType;
      const declared = { ...upload, md5: whole.md5, sha256: whole.sha256 };
      const completed = await this.#becomeFile(repositories, declared, manifest, contentType, now);
      if (!manifest.verified) {
        await repositories.tasks.enqueue(this.#ids.next(), composeTask(uid, manifest.id), now);
      }
      return completed;
    });
    if (!file.verified) this.#wakeTasks();
    return file;
  }

  /** Ends an open upload and gives its parts to purge; ending it again is fine. Throws Conflict when it is complete. */
  async abort(uid: Uid): Promise<void> {
    await this.#metadata.transaction(async (repositories) => {
      const upload = await repositories.uploads.lock(uid);
      if (upload === undefined) throw noUpload(uid);
      if (upload.state === 'aborted') return;
      if (upload.state === 'completed') {
        throw new OsproxyError('Conflict', `Upload ${uid} is complete; delete the file instead.`);
      }
      await abortOpen(repositories, uid, this.#clock.now());
    });
  }

  checkSize(size: number | undefined): void {
    if (size === undefined || size <= this.settings.maxFileSize) return;
    throw new OsproxyError(
      'TooLarge',
      `The file has ${size} bytes; at most ${this.settings.maxFileSize} are allowed.`,
      {
        details: { limit: this.settings.maxFileSize, size },
      },
    );
  }

  /** One part was hashed whole already; several wait for verification. */
  async #manifestOf(
    repositories: MetadataWriter,
    parts: readonly PartRecord[],
    now: number,
  ): Promise<Manifest> {
    const [only] = parts;
    const manifest = unverifiedManifest(this.#ids.next(), parts, now);
    if (parts.length !== 1 || only === undefined) {
      await repositories.manifests.insert(manifest);
      return manifest;
    }
    const known = await repositories.manifests.findVerified({ sha256: only.sha256 }, only.size, undefined);
    if (known !== undefined && (await repositories.manifests.claim(known.id))) {
      await repositories.blobs.markIdle([only.blobId], now);
      return known;
    }
    const verified = { ...manifest, sha256: only.sha256, md5: only.md5, verified: true };
    await repositories.manifests.insert(verified);
    return verified;
  }

  async #becomeFile(
    repositories: MetadataWriter,
    upload: UploadRecord,
    manifest: Manifest,
    contentType: string,
    now: number,
  ): Promise<FileRecord> {
    const { uid, owner, name, md5, sha256 } = upload;
    const file = readyFile({ uid, owner, name, contentType, manifest, md5, sha256 }, now);
    await repositories.files.insert(file);
    await repositories.uploads.complete(uid, now);
    return file;
  }

  /** An upload that goes on does not expire. */
  async #keepOpen(repositories: MetadataWriter, upload: UploadRecord, now: number): Promise<void> {
    const { expireMs } = this.settings;
    if (upload.expiresAt - now < expireMs / 2) await repositories.uploads.extend(upload.uid, now + expireMs);
  }

  async #typeOf(uid: Uid, landed: Landed): Promise<string | undefined> {
    const upload = await this.#metadata.uploads.find(uid);
    if (upload === undefined) return undefined;
    return refineType(await this.#typer.detect(landed.head, upload.name), upload.contentType);
  }

  #partSizeFor(size: number | undefined): number {
    const { partSize } = this.settings;
    if (size === undefined) return partSize;
    const mebibyte = 1024 * 1024;
    const needed = Math.ceil(size / MAX_PARTS / mebibyte) * mebibyte;
    return Math.max(partSize, needed);
  }
}

/** Ends an open upload inside a transaction that holds its lock. */
export async function abortOpen(repositories: MetadataWriter, uid: Uid, now: number): Promise<void> {
  const parts = await repositories.uploads.parts(uid);
  await repositories.uploads.abort(uid, now);
  if (parts.length > 0) {
    await repositories.blobs.markIdle(
      parts.map((part) => part.blobId),
      now,
    );
  }
}

/** Throws NotFound for no upload, Expired for one that was aborted or whose time is over. */
function checkAlive(upload: UploadRecord | undefined, uid: Uid, now: number): UploadRecord {
  if (upload === undefined) throw noUpload(uid);
  if (upload.state === 'aborted' || (upload.state === 'open' && upload.expiresAt <= now)) {
    throw new OsproxyError('Expired', `Upload ${uid} was aborted or has expired; create a new one.`, {
      details: { uid },
    });
  }
  return upload;
}

function noUpload(uid: Uid): OsproxyError {
  return new OsproxyError('NotFound', `There is no upload ${uid}.`, { details: { uid } });
}

function withoutUndefined(expect: Expectation): Expectation {
  return Object.fromEntries(Object.entries(expect).filter(([, value]) => value !== undefined));
}
