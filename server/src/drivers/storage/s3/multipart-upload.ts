import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListPartsCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { ByteRange } from '#core/ports/storage-driver.ts';
import { brokenOff, hasVendorCode, translate, translateUpload } from './errors.ts';
import type { S3Connection } from './s3-connection.ts';

/** One multipart upload; ends with complete or abort. Rejects with the port's errors. */
export class MultipartUpload {
  readonly #connection: S3Connection;
  readonly #target: { readonly Bucket: string; readonly Key: string; readonly UploadId: string };
  readonly #parts = new Map<number, CompletedPart>();
  readonly #signal: AbortSignal;

  private constructor(connection: S3Connection, name: string, id: string, signal: AbortSignal) {
    this.#connection = connection;
    this.#target = { Bucket: connection.bucket, Key: name, UploadId: id };
    this.#signal = signal;
    connection.uploading.add(id);
  }

  /** The signal ends parts and copies under way, not the upload itself. */
  static async begin(connection: S3Connection, key: string, signal: AbortSignal): Promise<MultipartUpload> {
    const name = connection.nameOf(key);
    // Not tied to the signal: an upload that was begun but whose id never arrived could not be aborted.
    const command = new CreateMultipartUploadCommand({ Bucket: connection.bucket, Key: name });
    const { UploadId: id } = await connection.steadily.send(command).catch(rethrow);
    if (id === undefined) throw brokenOff('The store began an upload without an id; try again.');
    return new MultipartUpload(connection, name, id, signal);
  }

  /** The bytes must not change until this settles. */
  async uploadPart(number: number, bytes: Uint8Array): Promise<void> {
    const command = new UploadPartCommand({
      ...this.#target,
      PartNumber: number,
      Body: bytes,
      ContentLength: bytes.length,
    });
    const { ETag } = await this.#connection.steadily
      .send(command, { abortSignal: this.#signal })
      .catch((error: unknown): never => {
        throw translateUpload(error);
      });
    this.#record(number, ETag);
  }

  /** Copies inside the store; the range only where it is not the whole source. */
  async copyPart(number: number, source: string, range: ByteRange | undefined): Promise<void> {
    const command = new UploadPartCopyCommand({
      ...this.#target,
      PartNumber: number,
      CopySource: `${this.#connection.bucket}/${this.#connection.nameOf(source)}`,
      ...(range && { CopySourceRange: `bytes=${range.offset}-${range.offset + range.length - 1}` }),
    });
    const { CopyPartResult } = await this.#connection.steadily
      .send(command, { abortSignal: this.#signal })
      .catch(rethrow);
    this.#record(number, CopyPartResult?.ETag);
  }

  /**
   * Joins the parts. The store may have done it although the answer got lost; then the upload is gone and the object, of the size that
   * the parts have, is there. An object beside an upload that still exists is not taken: a gateway that died in between left both, and
   * whoever ends the upload later may take the object's bytes with it.
   */
  async complete(size: number): Promise<void> {
    const parts = [...this.#parts.values()].sort((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
    const command = new CompleteMultipartUploadCommand({
      ...this.#target,
      MultipartUpload: { Parts: parts },
    });
    try {
      await this.#connection.steadily.send(command);
    } catch (error) {
      const translated = translate(error);
      const gone = hasVendorCode(error, 'NoSuchUpload');
      const mayStand = gone || (translated.code === 'Unavailable' && (await this.#isGone()));
      if (!mayStand || !(await this.#stands(size))) throw translated;
    }
    this.#connection.uploading.delete(this.#target.UploadId);
  }

  /** Frees what the store keeps of the upload; what cannot be reached now is left to sweep. */
  async abort(): Promise<void> {
    const command = new AbortMultipartUploadCommand(this.#target);
    await this.#connection.steadily.send(command).catch(() => undefined);
    this.#connection.uploading.delete(this.#target.UploadId);
  }

  #record(number: number, etag: string | undefined): void {
    if (etag === undefined) throw brokenOff('The store took a part without saying so; try again.');
    // The tag is the store's own and goes back as it came; it is not taken for a checksum.
    this.#parts.set(number, { PartNumber: number, ETag: etag });
  }

  /** True only when the store says so; Ceph says it with NoSuchKey. */
  async #isGone(): Promise<boolean> {
    const command = new ListPartsCommand({ ...this.#target, MaxParts: 1 });
    return this.#connection.steadily.send(command).then(
      () => false,
      (error: unknown) => hasVendorCode(error, 'NoSuchUpload') || translate(error).code === 'NotFound',
    );
  }

  async #stands(size: number): Promise<boolean> {
    const { Bucket, Key } = this.#target;
    const head = await this.#connection.steadily
      .send(new HeadObjectCommand({ Bucket, Key }))
      .catch(() => undefined);
    return head?.ContentLength === size;
  }
}

function rethrow(error: unknown): never {
  throw translate(error);
}
