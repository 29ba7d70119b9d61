import type { DriveUploads } from '../drive/drive-uploads.ts';
import { isOsproxyError, OsproxyError } from '../errors.ts';
import type { Remember } from '../idempotency.ts';
import type { LinkSigner } from '../link-signer.ts';
import type { Expectation } from '../model/blob.ts';
import type { Share } from '../model/share.ts';
import { isUid, type Uid } from '../model/uid.ts';
import type { PartRecord, UploadRecord } from '../model/upload.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { CompleteRequest } from '../upload-checks.ts';
import type { UploadStatus, Uploads } from '../uploads.ts';
import type { TransferNote } from '../usage/transfer-note.ts';
import type { ShareCaller, ShareVisits, Visit } from './share-visits.ts';

export interface VisitorsFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256?: string | undefined;
  readonly md5?: string | undefined;
}

export interface BegunUpload {
  /** Names the upload in what follows; good for this share only. */
  readonly handle: string;
  readonly upload: UploadRecord;
}

interface Receiving {
  readonly signal: AbortSignal;
  readonly note: TransferNote;
}

/**
 * Files that visitors put into a shared folder. They belong to the owner of the share and count against that person's quota; a name that is taken gets a number, of which the visitor learns nothing.
 * Everything throws as `ShareVisits.open`, and PermissionDenied for a share that takes no files.
 */
export class ShareUploads {
  readonly #metadata: Metadata;
  readonly #visits: ShareVisits;
  readonly #uploads: Uploads;
  readonly #drive: DriveUploads;
  readonly #signer: LinkSigner;
  readonly #clock: Clock;

  constructor(options: {
    metadata: Metadata;
    visits: ShareVisits;
    uploads: Uploads;
    driveUploads: DriveUploads;
    signer: LinkSigner;
    clock: Clock;
  }) {
    this.#metadata = options.metadata;
    this.#visits = options.visits;
    this.#uploads = options.uploads;
    this.#drive = options.driveUploads;
    this.#signer = options.signer;
    this.#clock = options.clock;
  }

  /** Begins an upload in parts, which counts from here on. Throws Expired when the share takes no more, TooLarge, QuotaExceeded. */
  async begin(caller: ShareCaller, file: VisitorsFile): Promise<BegunUpload> {
    const visit = await this.#open(caller);
    checkSize(visit.share, file.size);
    const { userId } = visit.share;
    const wanted = { ...file, parentId: visit.root.id, conflict: 'keepBoth' } as const;
    const { upload } = await discreetly(this.#drive.begin(userId, wanted, this.#counting(visit, file.size)));
    return { handle: `${upload.uid}.${this.#signer.sign(fieldsOf(visit.share, upload.uid))}`, upload };
  }

  /** A file in one request, which counts when it has come. Throws as begin. */
  async write(
    caller: ShareCaller,
    file: VisitorsFile,
    input: AsyncIterable<Uint8Array>,
    receiving: Receiving,
  ): Promise<void> {
    const visit = await this.#open(caller);
    checkSize(visit.share, file.size);
    refuseMore(visit.share);
    const wanted = { ...file, parentId: visit.root.id, conflict: 'keepBoth' } as const;
    const options = { ...receiving, remember: this.#counting(visit, file.size) };
    await discreetly(this.#drive.write(visit.share.userId, wanted, input, options));
  }

  async status(caller: ShareCaller, handle: string): Promise<UploadStatus> {
    const uid = await this.#uidOf(caller, handle);
    const upload = await this.#metadata.uploads.find(uid);
    if (upload === undefined) throw noUpload();
    return { upload, parts: await this.#metadata.uploads.parts(uid) };
  }

  async writePart(
    caller: ShareCaller,
    handle: string,
    part: {
      readonly number: number;
      readonly input: AsyncIterable<Uint8Array>;
      readonly expect: Expectation;
    },
    { signal, note }: Receiving,
  ): Promise<PartRecord> {
    const uid = await this.#uidOf(caller, handle);
    return this.#uploads.writePart(uid, part.number, part.input, part.expect, signal, note);
  }

  async complete(caller: ShareCaller, handle: string, request: CompleteRequest): Promise<void> {
    const uid = await this.#uidOf(caller, handle);
    await discreetly(this.#uploads.complete(uid, request));
  }

  async abort(caller: ShareCaller, handle: string): Promise<void> {
    await this.#uploads.abort(await this.#uidOf(caller, handle));
  }

  async #open(caller: ShareCaller): Promise<Visit> {
    const visit = await this.#visits.open(caller);
    refuseReading(visit.share);
    return visit;
  }

  async #uidOf(caller: ShareCaller, handle: string): Promise<Uid> {
    const { share } = await this.#open(caller);
    const dot = handle.indexOf('.');
    const uid = handle.slice(0, Math.max(dot, 0));
    if (isUid(uid) && this.#signer.verify(fieldsOf(share, uid), handle.slice(dot + 1))) return uid;
    throw noUpload();
  }

  /**
   * Part of the transaction that begins or makes it, so that many at once are never more than the limit, and nothing gets in that came while the share ended or
   * changed.
   */
  #counting(visit: Visit, size: number): Remember {
    return async (repositories) => {
      const current = await this.#visits.lock(repositories, visit);
      refuseReading(current);
      checkSize(current, size);
      refuseMore(current);
      const counted = { ...current, uploads: current.uploads + 1, lastUsedAt: this.#clock.now() };
      await repositories.shares.update(counted);
    };
  }
}

function fieldsOf(share: Share, uid: Uid): string[] {
  return ['share-upload', share.id, uid];
}

function refuseReading({ permission }: Share): void {
  if (permission === 'upload') return;
  throw new OsproxyError('PermissionDenied', 'This share takes no files.');
}

function checkSize({ maxUploadBytes }: Share, size: number): void {
  if (maxUploadBytes === undefined || size <= maxUploadBytes) return;
  throw new OsproxyError('TooLarge', `This share takes files of at most ${maxUploadBytes} bytes.`, {
    details: { field: 'size', maxUploadBytes },
  });
}

function refuseMore({ maxUploads, uploads }: Share): void {
  if (maxUploads === undefined || uploads < maxUploads) return;
  throw new OsproxyError('Expired', 'This share has taken as many files as it may.');
}

/** How much room the owner has, and where it is, is nobody else's business. */
async function discreetly<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (isOsproxyError(error, 'QuotaExceeded')) {
      throw new OsproxyError('QuotaExceeded', 'There is no room for this file.', { cause: error });
    }
    throw error;
  }
}

function noUpload(): OsproxyError {
  return new OsproxyError('NotFound', 'There is no such upload.');
}
