import type { IncomingMessage } from 'node:http';
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { OsproxyError } from '#core/errors.ts';
import type { ByteRange, StoredObject } from '#core/ports/storage-driver.ts';
import { openedBody } from '../../http-body/opened-body.ts';
import { cancelled, throwIfCancelled } from '../abort.ts';
import { resolveRange } from '../ranges.ts';
import { brokenOff, notS3, translate } from './errors.ts';
import type { S3Connection } from './s3-connection.ts';

/** Rejects with NotFound or RangeNotSatisfiable before the first byte. */
export async function openObject(
  connection: S3Connection,
  key: string,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<StoredObject> {
  throwIfCancelled(signal);
  if (range !== undefined) assertRange(range);
  const command = new GetObjectCommand({
    Bucket: connection.bucket,
    Key: connection.nameOf(key),
    ...(range && { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` }),
  });
  const answer = await connection.once
    .send(command, signal === undefined ? {} : { abortSignal: signal })
    .catch((error: unknown): never => {
      throw signal?.aborted ? cancelled(signal) : translate(error);
    });
  const body = answer.Body as unknown as IncomingMessage;
  try {
    const size = sizeOf(answer, range);
    const { length } = resolveRange(range, size);
    return await openedBody(body, { size, length, idleMs: connection.idleMs, signal, broken });
  } catch (error) {
    body.destroy();
    throw error;
  }
}

function broken(error: Error): OsproxyError {
  const translated = translate(error);
  return translated.code === 'Unavailable'
    ? translated
    : brokenOff('The object broke off before its end.', error);
}

/** Refuses what is no range at all; whether it lies inside the object only the store knows. */
function assertRange({ offset, length }: ByteRange): void {
  if (Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length > 0) return;
  throw new OsproxyError(
    'RangeNotSatisfiable',
    `A range begins at byte 0 or later and has at least one byte; this one is ${length} bytes from byte ${offset}.`,
    { details: { offset, length } },
  );
}

/** Bytes of the whole object, from an answer that gives the range that was asked for. */
function sizeOf(answer: GetObjectCommandOutput, range: ByteRange | undefined): number {
  if (answer.ETag === undefined) throw notS3();
  if (range === undefined) {
    if (answer.ContentLength !== undefined) return answer.ContentLength;
    throw new OsproxyError('Internal', 'The store gave an object without saying how large it is.');
  }
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.ContentRange ?? '') ?? [];
  if (first !== undefined && total !== undefined && Number(first) === range.offset) return Number(total);
  throw new OsproxyError('Internal', 'The store gave other bytes than the range that was asked for.');
}
