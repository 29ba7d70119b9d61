import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
} from '@aws-sdk/client-s3';
import { isOsproxyError, OsproxyError } from '#core/errors.ts';
import type {
  ByteRange,
  ByteSource,
  CallOptions,
  ListedObject,
  ObjectStat,
  PutOptions,
  StorageDriver,
  StoredObject,
} from '#core/ports/storage-driver.ts';
import { cancelled, throwIfCancelled } from '../abort.ts';
import { assertKey } from '../keys.ts';
import { composeObject } from './compose-object.ts';
import { bucketMissing, hasVendorCode, notS3, translate } from './errors.ts';
import { listObjects, listUploads } from './list-objects.ts';
import { openObject } from './object-reader.ts';
import { putObject } from './put-object.ts';
import { S3Connection } from './s3-connection.ts';
import type { S3DriverOptions } from './s3-driver-options.ts';

/** A signature is valid for a week at most. */
const MAX_PRESIGN_SECONDS = 7 * 24 * 3600;

/** Keeps objects in one bucket of a service that speaks S3. */
export class S3Driver implements StorageDriver {
  readonly nodeLocal = false;
  readonly #connection: S3Connection;

  constructor(options: S3DriverOptions) {
    this.#connection = new S3Connection(options);
  }

  async put(key: string, source: ByteSource, options: PutOptions = {}): Promise<{ readonly size: number }> {
    throwIfCancelled(options.signal);
    assertKey(key);
    return putObject(this.#connection, key, source, options);
  }

  async open(key: string, range?: ByteRange, options: CallOptions = {}): Promise<StoredObject> {
    assertKey(key);
    return openObject(this.#connection, key, range, options.signal);
  }

  async stat(key: string, options: CallOptions = {}): Promise<ObjectStat> {
    assertKey(key);
    const command = new HeadObjectCommand(this.#place(key));
    const { once } = this.#connection;
    try {
      const head = await this.#call(options.signal, (abort) => once.send(command, abort));
      if (head.ETag === undefined) throw notS3();
      if (head.ContentLength !== undefined && head.LastModified !== undefined) {
        return { size: head.ContentLength, modifiedAt: head.LastModified };
      }
    } catch (error) {
      if (isOsproxyError(error, 'NotFound')) await this.#checkBucket(options.signal);
      throw error;
    }
    throw new OsproxyError('Internal', 'The store described an object without its size or time.');
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    assertKey(key);
    const command = new DeleteObjectCommand(this.#place(key));
    const { once } = this.#connection;
    try {
      await this.#call(options.signal, (abort) => once.send(command, abort));
    } catch (error) {
      if (!isOsproxyError(error, 'NotFound')) throw error;
    }
  }

  list(prefix = '', options: CallOptions = {}): AsyncIterable<ListedObject> {
    return listObjects(this.#connection, prefix, options.signal);
  }

  async compose(
    key: string,
    sources: readonly string[],
    options: CallOptions = {},
  ): Promise<{ readonly size: number }> {
    throwIfCancelled(options.signal);
    for (const each of [key, ...sources]) assertKey(each);
    try {
      return await composeObject(this.#connection, key, sources, options);
    } catch (error) {
      if (isOsproxyError(error, 'NotFound')) await this.#checkBucket(options.signal);
      throw error;
    }
  }

  async presign(
    key: string,
    request: { readonly method: 'GET'; readonly expiresInSeconds: number },
  ): Promise<string> {
    assertKey(key);
    const { expiresInSeconds } = request;
    if (
      !Number.isInteger(expiresInSeconds) ||
      expiresInSeconds < 1 ||
      expiresInSeconds > MAX_PRESIGN_SECONDS
    ) {
      throw new OsproxyError(
        'InvalidArgument',
        `A signed URL is valid for 1 to ${MAX_PRESIGN_SECONDS} seconds, not ${expiresInSeconds}.`,
      );
    }
    const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
    const command = new GetObjectCommand(this.#place(key));
    return getSignedUrl(this.#connection.once, command, { expiresIn: expiresInSeconds }).catch(
      (error: unknown): never => {
        throw translate(error);
      },
    );
  }

  async sweep(olderThan: Date, options: CallOptions = {}): Promise<number> {
    const { signal } = options;
    const { once, bucket, uploading } = this.#connection;
    let swept = 0;
    for await (const { name, id, begunAt } of listUploads(this.#connection, signal)) {
      if (begunAt >= olderThan || uploading.has(id)) continue;
      const command = new AbortMultipartUploadCommand({ Bucket: bucket, Key: name, UploadId: id });
      try {
        await this.#call(signal, (abort) => once.send(command, abort));
        swept += 1;
      } catch (error) {
        // Completed or aborted by somebody else meanwhile.
        if (!isOsproxyError(error) || !hasVendorCode(error.cause, 'NoSuchUpload')) throw error;
      }
    }
    return swept;
  }

  async close(): Promise<void> {
    this.#connection.destroy();
  }

  #place(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#connection.bucket, Key: this.#connection.nameOf(key) };
  }

  async #call<T>(
    signal: AbortSignal | undefined,
    send: (options: { readonly abortSignal?: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    throwIfCancelled(signal);
    try {
      return await send(signal === undefined ? {} : { abortSignal: signal });
    } catch (error) {
      throw signal?.aborted ? cancelled(signal) : translate(error);
    }
  }

  /** The answer to a HEAD does not say what is missing; an object that is absent must not look like a bucket that is. */
  async #checkBucket(signal: AbortSignal | undefined): Promise<void> {
    const { once, bucket } = this.#connection;
    const command = new HeadBucketCommand({ Bucket: bucket });
    try {
      await this.#call(signal, (abort) => once.send(command, abort));
    } catch (error) {
      if (isOsproxyError(error, 'NotFound')) throw bucketMissing(error.cause);
      // Not every key may ask about the bucket; what it says about the object stands.
      if (!isOsproxyError(error, 'PermissionDenied')) throw error;
    }
  }
}
