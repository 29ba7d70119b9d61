import { type Author, checkAuthor, mayTouch } from './access.ts';
import type { Holders } from './contents.ts';
import type { Downloads } from './downloads.ts';
import { OsproxyError } from './errors.ts';
import { uploadEvent } from './events/facts.ts';
import type { FileRecords } from './file-records.ts';
import type { HashWorkers } from './hashing/hash-workers.ts';
import type { Remember } from './idempotency.ts';
import type { Ingest } from './ingest.ts';
import type { Expectation } from './model/blob.ts';
import type { FileRecord } from './model/file.ts';
import type { Principal } from './model/principal.ts';
import type { Uid } from './model/uid.ts';
import { type HashedParts, MAX_PARTS, type PartRecord, type UploadRecord } from './model/upload.ts';
import { checkName } from './names.ts';
import type { FileFacts, PlacementPolicy } from './placement.ts';
import type { Clock } from './ports/clock.ts';
import type { ContentTyper } from './ports/content-typer.ts';
import type { IdSource } from './ports/ids.ts';
import type { Metadata, MetadataWriter } from './ports/metadata.ts';
import { type CompleteRequest, checkFileSize } from './upload-checks.ts';
import { complete } from './upload-completion.ts';
import { hashParts } from './upload-hashing.ts';
import { writePart } from './upload-part.ts';
import { abortOpen, type Made, noUpload } from './upload-state.ts';
import type { UploadTies } from './upload-ties.ts';
import { type Placed, writeFile, writeWhole } from './upload-whole.ts';
import type { TransferNote } from './usage/transfer-note.ts';

export interface NewUpload extends Author {
  readonly name: string;
  /** Of the whole content, as far as the client knows them. */
  readonly size?: number | undefined;
  readonly md5?: string | undefined;
  readonly sha256?: string | undefined;
  /** Name of the group of the person who asks; a rule of placement may look at it. */
  readonly group?: string | undefined;
  /** Computes the SHA-1 of content that comes in one go, for clients that know files by it. */
  readonly withSha1?: boolean | undefined;
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
  /** Attempts of the task that verifies a completed file, before it is failed for good. */
  readonly taskAttempts: number;
}

export interface UploadStatus {
  readonly upload: UploadRecord;
  /** Ascending by number. */
  readonly parts: readonly PartRecord[];
}

export interface UploadsOptions {
  readonly metadata: Metadata;
  readonly records: Pick<FileRecords, 'arrived'>;
  readonly ingest: Ingest;
  readonly downloads: Downloads;
  readonly workers: HashWorkers;
  readonly md5: 'always' | 'declared';
  readonly typer: ContentTyper;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly settings: UploadSettings;
  readonly policy: PlacementPolicy;
  readonly holders: Holders;
  readonly ties?: UploadTies | undefined;
  /** Called after a commit that enqueued a task. */
  readonly wakeTasks: () => void;
}

/** Parts in, file out. Every call may be repeated, also at once, and gives one result. */
export class Uploads {
  readonly settings: UploadSettings;
  readonly #options: UploadsOptions;

  constructor(options: UploadsOptions) {
    this.settings = options.settings;
    this.#options = options;
  }

  /** A record to be inserted, with the store it goes to; checks name and size. */
  prepare(wanted: NewUpload): UploadRecord {
    checkName(wanted.name);
    checkAuthor(wanted, wanted.name);
    this.checkSize(wanted.size);
    const { policy } = this.#options;
    const destination = policy.choose(factsOf(wanted));
    policy.checkSize(destination, wanted.size);
    const now = this.#options.clock.now();
    return {
      uid: this.#options.ids.next(),
      owner: wanted.owner,
      name: wanted.name,
      state: 'open',
      size: wanted.size,
      md5: wanted.md5,
      sha256: wanted.sha256,
      partSize: this.#partSizeFor(wanted.size),
      store: destination.store,
      transferTo: destination.transferTo,
      createdAt: now,
      expiresAt: Math.max(now + this.settings.expireMs, wanted.notBefore ?? 0),
      completedAt: undefined,
    };
  }

  async create(wanted: NewUpload, remember?: Remember): Promise<UploadRecord> {
    const upload = this.prepare(wanted);
    await this.#options.metadata.transaction(async (repositories) => {
      await remember?.(repositories, upload.uid);
      await this.insert(repositories, upload);
    });
    return upload;
  }

  /** Begins what `prepare` made, in a transaction of the caller's. */
  async insert(repositories: MetadataWriter, upload: UploadRecord): Promise<void> {
    await repositories.uploads.insert(upload);
    await repositories.events.append(uploadEvent('upload.created', upload), upload.createdAt);
  }

  /** All of them or none. */
  async createMany(wanted: readonly NewUpload[]): Promise<readonly UploadRecord[]> {
    const uploads = wanted.map((one) => this.prepare(one));
    await this.#options.metadata.transaction(async (repositories) => {
      for (const upload of uploads) await this.insert(repositories, upload);
    });
    return uploads;
  }

  /** An upload of any state that the principal may see; throws NotFound. */
  async find(principal: Principal, uid: Uid): Promise<UploadRecord> {
    const upload = await this.#options.metadata.uploads.find(uid);
    if (upload === undefined || !mayTouch(principal, upload)) throw noUpload(uid);
    return upload;
  }

  async status(principal: Principal, uid: Uid): Promise<UploadStatus> {
    const upload = await this.find(principal, uid);
    return { upload, parts: await this.#options.metadata.uploads.parts(uid) };
  }

  /** True when an open upload has at least one part. */
  async hasBegun(uid: Uid): Promise<boolean> {
    const upload = await this.#options.metadata.uploads.find(uid);
    if (upload?.state !== 'open' || upload.expiresAt <= this.#options.clock.now()) return false;
    return (await this.#options.metadata.uploads.parts(uid)).length > 0;
  }

  /** Stores part `number` (1 to 10 000), or replaces it when its bytes differ. Nothing is committed unless `expect` is met. */
  writePart(
    uid: Uid,
    number: number,
    input: AsyncIterable<Uint8Array>,
    expect: Expectation,
    signal?: AbortSignal,
    note?: TransferNote,
  ): Promise<PartRecord> {
    return writePart(this.#options, { uid, number, input, expect, signal, note });
  }

  /** Stores the whole content of an upload in one go and makes it a file. */
  writeWhole(
    uid: Uid,
    input: AsyncIterable<Uint8Array>,
    expect: Expectation,
    signal?: AbortSignal,
    note?: TransferNote,
  ): Promise<FileRecord> {
    return this.#waking(writeWhole(this.#options, uid, { input, expect, signal, note }));
  }

  /** A file in one call, without an upload before it; with `placed` it gets its place in the same transaction. */
  async writeFile(
    wanted: NewUpload,
    input: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
    remember?: Remember,
    note?: TransferNote,
    placed?: Placed,
  ): Promise<FileRecord> {
    checkName(wanted.name);
    checkAuthor(wanted, wanted.name);
    this.checkSize(wanted.size);
    const { size, md5, sha256, withSha1 } = wanted;
    const destination = this.#options.policy.choose(factsOf(wanted));
    const content = { input, expect: { size, md5, sha256 }, signal, note, withSha1 };
    const file = { ...wanted, destination, placed };
    return this.#waking(writeFile(this.#options, file, content, remember));
  }

  /** The SHA-256 of bytes that are not kept. */
  digestOf(input: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<string> {
    return this.#options.ingest.digestOf(input, signal);
  }

  /**
   * Reads the parts of an open upload and hashes them as one content, for who must know the digests before the upload is completed. Throws what `complete`
   * throws for the same request.
   */
  hashParts(
    uid: Uid,
    request: CompleteRequest,
    digests: { readonly sha1: boolean },
    signal: AbortSignal | undefined,
  ): Promise<HashedParts> {
    return hashParts(this.#options, uid, request, { ...digests, signal });
  }

  /** Commits the parts as a file that can be read at once; verification of the whole follows in the background. */
  async complete(uid: Uid, request: CompleteRequest = {}): Promise<FileRecord> {
    return this.#waking(complete(this.#options, uid, request));
  }

  /** Ends an open upload and gives its parts to purge; ending it again is fine. Throws Conflict when it is complete. */
  async abort(uid: Uid): Promise<void> {
    await this.#options.metadata.transaction(async (repositories) => {
      const upload = await repositories.uploads.lock(uid);
      if (upload === undefined) throw noUpload(uid);
      if (upload.state === 'aborted') return;
      if (upload.state === 'completed') {
        throw new OsproxyError('Conflict', `Upload ${uid} is complete; delete the file instead.`);
      }
      await abortOpen(repositories, upload, this.#options.clock.now(), this.#options.ties);
    });
  }

  /** Throws TooLarge above the configured maximum, InvalidArgument for what cannot be a size. */
  checkSize(size: number | undefined): void {
    if (size !== undefined) checkFileSize(size, this.settings.maxFileSize);
  }

  /** A commit may have left work for the background. */
  async #waking(made: Promise<Made>): Promise<FileRecord> {
    const { file, hasTasks } = await made;
    if (hasTasks) this.#options.wakeTasks();
    await this.#options.records.arrived(file);
    return file;
  }

  #partSizeFor(size: number | undefined): number {
    const { partSize } = this.settings;
    if (size === undefined) return partSize;
    const mebibyte = 1024 * 1024;
    const needed = Math.ceil(size / MAX_PARTS / mebibyte) * mebibyte;
    return Math.max(partSize, needed);
  }
}

function factsOf({ name, owner, size, keyId, group, store }: NewUpload): FileFacts {
  return { name, owner, size, keyId, group, store };
}
