import { OsproxyError } from './errors.ts';
import type { FileRecord } from './model/file.ts';
import type { UploadRecord } from './model/upload.ts';
import type { MetadataReader, MetadataWriter } from './ports/metadata.ts';

/** Who else keeps a record of an upload, in the transactions that change it; called under the lock of the upload. */
export interface UploadTies {
  /**
   * An open upload is to become a file of this size, under another name than it had where `name` is given; what is returned is called with that file. A throw refuses, and the
   * upload stays open.
   */
  completing(
    repositories: MetadataWriter,
    upload: UploadRecord,
    size: number,
    name?: string | undefined,
  ): Promise<Placing | undefined>;
  /** An open upload ends without a file. */
  ended(repositories: MetadataWriter, upload: UploadRecord): Promise<void>;
  /** Most bytes that the parts of this upload may have together; undefined: any number. */
  roomOf(upload: UploadRecord): number | undefined;
}

/** Gives a new file its place, in the transaction that made it. */
export type Placing = (file: FileRecord) => Promise<void>;

/** Throws TooLarge where a part of this size is more than the upload has room for beside its other parts. */
export async function checkRoom(
  ties: UploadTies | undefined,
  repositories: Pick<MetadataReader, 'uploads'>,
  upload: UploadRecord,
  part: { readonly number: number; readonly size: number | undefined },
): Promise<void> {
  const room = ties?.roomOf(upload);
  if (room === undefined) return;
  const others = (await repositories.uploads.parts(upload.uid)).filter(
    ({ number }) => number !== part.number,
  );
  const total = others.reduce((sum, { size }) => sum + size, part.size ?? 0);
  if (total <= room) return;
  throw new OsproxyError(
    'TooLarge',
    `The parts have more bytes together than the ${room} that were declared.`,
    {
      details: { field: 'size', declared: room },
    },
  );
}
