import type { IncomingMessage } from 'node:http';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { OsproxyError } from '#core/errors.ts';
import type { ByteRange, StoredObject } from '#core/ports/storage-driver.ts';
import { cancelled, throwIfCancelled } from '../abort.ts';
import { resolveRange } from '../ranges.ts';
import { brokenOff, notS3, translate } from './errors.ts';
import { openedBody } from './opened-body.ts';
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
  const { body, ...answer } = await fetchObject(connection, key, range, signal).catch(
    (error: unknown): never => {
      throw signal?.aborted ? cancelled(signal) : translate(error);
    },
  );
  try {
    const size = sizeOf(answer, range);
    const { length } = resolveRange(range, size);
    return await openedBody(body, { size, length, idleMs: connection.idleMs, signal, broken });
  } catch (error) {
    body.destroy();
    throw error;
  }
}

interface Answer {
  readonly body: IncomingMessage;
  readonly etag: string | undefined;
  readonly length: number | undefined;
  readonly range: string | undefined;
}

async function fetchObject(
  connection: S3Connection,
  key: string,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const name = connection.nameOf(key);
  const wanted = range && `bytes=${range.offset}-${range.offset + range.length - 1}`;
  const quick = await connection.quick.get(name, wanted, signal);
  if (quick !== undefined) {
    const { etag, 'content-length': length, 'content-range': given } = quick.headers;
    return {
      body: quick.body,
      etag,
      length: length === undefined ? undefined : Number(length),
      range: given,
    };
  }
  const command = new GetObjectCommand({
    Bucket: connection.bucket,
    Key: name,
    ...(wanted !== undefined && { Range: wanted }),
  });
  const { once } = connection;
  const answer = await once.send(command, signal === undefined ? {} : { abortSignal: signal });
  const { ETag: etag, ContentLength: length, ContentRange: given } = answer;
  return { body: answer.Body as unknown as IncomingMessage, etag, length, range: given };
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
function sizeOf(answer: Omit<Answer, 'body'>, range: ByteRange | undefined): number {
  if (answer.etag === undefined) throw notS3();
  if (range === undefined) {
    if (answer.length !== undefined) return answer.length;
    throw new OsproxyError('Internal', 'The store gave an object without saying how large it is.');
  }
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.range ?? '') ?? [];
  if (first !== undefined && total !== undefined && Number(first) === range.offset) return Number(total);
  throw new OsproxyError('Internal', 'The store gave other bytes than the range that was asked for.');
}
