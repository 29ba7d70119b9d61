import { type Holders, insertReady, readyFile } from './contents.ts';
import { OsproxyError } from './errors.ts';
import type { FileRecord } from './model/file.ts';
import type { Manifest } from './model/manifest.ts';
import type { Uid } from './model/uid.ts';
import type { UploadRecord } from './model/upload.ts';
import type { MetadataWriter } from './ports/metadata.ts';
import type { UploadTies } from './upload-ties.ts';

/** A file and whether its commit left work for the background. */
export interface Made {
  readonly file: FileRecord;
  readonly hasTasks: boolean;
}

/** Throws NotFound for no upload, Expired for one that was aborted or whose time is over. */
export function checkAlive(upload: UploadRecord | undefined, uid: Uid, now: number): UploadRecord {
  if (upload === undefined) throw noUpload(uid);
  if (upload.state === 'aborted' || (upload.state === 'open' && upload.expiresAt <= now)) {
    throw new OsproxyError('Expired', `Upload ${uid} was aborted or has expired; create a new one.`, {
      details: { uid },
    });
  }
  return upload;
}

export function noUpload(uid: Uid): OsproxyError {
  return new OsproxyError('NotFound', `There is no upload ${uid}.`, { details: { uid } });
}

/** Ends an open upload inside a transaction that holds its lock. */
export async function abortOpen(
  repositories: MetadataWriter,
  upload: UploadRecord,
  now: number,
  ties: UploadTies | undefined,
): Promise<void> {
  const { uid } = upload;
  await ties?.ended(repositories, upload);
  const parts = await repositories.uploads.parts(uid);
  await repositories.uploads.abort(uid, now);
  if (parts.length > 0) {
    await repositories.blobs.markIdle(
      parts.map((part) => part.blobId),
      now,
    );
  }
}

/** Makes an open upload the file of the same uid inside a transaction that holds its lock. */
export async function becomeFile(
  repositories: MetadataWriter,
  upload: UploadRecord,
  content: { readonly manifest: Manifest; readonly contentType: string; readonly now: number },
  holders: Holders,
): Promise<FileRecord> {
  const { manifest, contentType, now } = content;
  const { uid, owner, name, md5, sha256 } = upload;
  const file = readyFile({ uid, owner, name, contentType, manifest, md5, sha256 }, now);
  const made = await insertReady(repositories, file, holders);
  await repositories.uploads.complete(uid, now);
  return made;
}
