import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { JoinedSignal } from '#core/cancellation.ts';
import { OsproxyError } from '#core/errors.ts';
import type { ByteSource, PutOptions } from '#core/ports/storage-driver.ts';
import { cancelled } from '../abort.ts';
import { SourceReader } from '../source-reader.ts';
import { notS3, translate, translateUpload } from './errors.ts';
import type { PartBuffers } from './part-buffers.ts';
import { PartSender } from './part-sender.ts';
import { StreamBody } from './request-body.ts';
import type { S3Connection } from './s3-connection.ts';
import { MAX_PARTS } from './vendors.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Up to this size a content is read before anything is sent: cheaper than a stream, and it can be sent again. */
const IN_MEMORY_BYTES = 256 * KIB;
/** A content of known size up to this is streamed as one request, without any memory for it. */
const ONE_REQUEST_BYTES = 64 * MIB;
/** Up to this size what the SDK does beside sending counts. */
const QUICK_BYTES = 256 * KIB;
/** What is held back of a stream until its source has confirmed that it ends there. */
const HELD_BACK_BYTES = KIB;
/** A buffer of unknown length starts this small. */
const FIRST_BUFFER_BYTES = 64 * KIB;

/** Stores the whole source or nothing. */
export async function putObject(
  connection: S3Connection,
  key: string,
  source: ByteSource,
  options: PutOptions,
): Promise<{ readonly size: number }> {
  const { signal } = options;
  const call = new JoinedSignal(signal);
  const reader = new SourceReader(source, call.signal);
  try {
    const size = source.size;
    if (size === undefined || size > ONE_REQUEST_BYTES) {
      await inParts(connection, key, reader, call, source.replayable, options);
    } else if (size > IN_MEMORY_BYTES) {
      await asStream(connection, key, reader, size, call, options);
    } else {
      const bytes = await readWhole(reader, size);
      await putBytes(connection, key, bytes, call, source.replayable, options);
    }
    return { size: reader.received };
  } catch (error) {
    if (signal?.aborted) throw cancelled(signal);
    throw translate(error);
  } finally {
    call.release();
    await reader.close();
  }
}

async function readWhole(reader: SourceReader, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size);
  let position = 0;
  for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
    bytes.set(chunk, position);
    position += chunk.length;
  }
  return bytes;
}

/** The retry wrapper repeats a put from a replayable source; for any other the bytes at hand are sent again here. */
async function putBytes(
  connection: S3Connection,
  key: string,
  bytes: Uint8Array,
  call: JoinedSignal,
  replayable: boolean,
  options: PutOptions,
): Promise<void> {
  commit(call);
  if (bytes.length <= QUICK_BYTES && (await quickly(connection, key, bytes, call, replayable, options)))
    return;
  await send(
    replayable ? connection.once : connection.steadily,
    connection,
    key,
    bytes,
    bytes.length,
    call,
    options,
  );
}

/** True when the store has the object; false when the SDK is to send it. */
async function quickly(
  connection: S3Connection,
  key: string,
  bytes: Uint8Array,
  { signal }: JoinedSignal,
  replayable: boolean,
  { md5 }: PutOptions,
): Promise<boolean> {
  try {
    return await connection.quick.put(connection.nameOf(key), bytes, base64Of(md5), signal);
  } catch (error) {
    if (replayable || signal.aborted) throw translateUpload(error);
    return false;
  }
}

async function asStream(
  connection: S3Connection,
  key: string,
  reader: SourceReader,
  size: number,
  call: JoinedSignal,
  options: PutOptions,
): Promise<void> {
  const failed: { error?: unknown } = {};
  const body = new StreamBody(confirmed(reader, size, call, failed));
  try {
    await send(connection.once, connection, key, body, size, call, options);
  } catch (error) {
    throw failed.error ?? error;
  } finally {
    body.destroy();
  }
}

/** The reader's chunks; the end of the last one only after the source has said that there is no more. */
async function* confirmed(
  reader: SourceReader,
  size: number,
  call: JoinedSignal,
  failed: { error?: unknown },
): AsyncGenerator<Uint8Array> {
  try {
    for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
      if (reader.received < size) {
        yield chunk;
        continue;
      }
      const cut = Math.max(0, chunk.length - HELD_BACK_BYTES);
      const end = Buffer.from(chunk.subarray(cut));
      if (cut > 0) yield chunk.subarray(0, cut);
      // Rejects when the source runs over.
      await reader.next();
      commit(call);
      yield end;
      return;
    }
  } catch (error) {
    failed.error = error;
    throw error;
  }
}

/** With its last byte on the way the store will have the object: what the caller's signal does after that comes too late. */
function commit(call: JoinedSignal): void {
  call.signal.throwIfAborted();
  call.release();
}

async function send(
  client: S3Client,
  connection: S3Connection,
  key: string,
  body: Uint8Array | StreamBody,
  size: number,
  call: JoinedSignal,
  { md5 }: PutOptions,
): Promise<void> {
  const command = new PutObjectCommand({
    Bucket: connection.bucket,
    Key: connection.nameOf(key),
    Body: body,
    ContentLength: size,
    ...(md5 !== undefined && { ContentMD5: base64Of(md5) }),
  });
  const { ETag } = await client.send(command, { abortSignal: call.signal }).catch((error: unknown): never => {
    throw translateUpload(error);
  });
  // Any web server may answer 200; nothing is acknowledged that no store took.
  if (ETag === undefined) throw notS3();
}

function base64Of(md5: string | undefined): string | undefined {
  return md5 === undefined ? undefined : Buffer.from(md5, 'hex').toString('base64');
}

async function inParts(
  connection: S3Connection,
  key: string,
  reader: SourceReader,
  call: JoinedSignal,
  replayable: boolean,
  options: PutOptions,
): Promise<void> {
  const { partBytes, limit } = partsFor(connection, reader.declared);
  const { buffers } = connection;
  let buffer =
    reader.declared === undefined ? Buffer.allocUnsafe(FIRST_BUFFER_BYTES) : buffers.take(partBytes);
  let used = 0;
  let parts = 0;
  let sender: PartSender | undefined;
  try {
    for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
      for (let rest = chunk; rest.length > 0; ) {
        if (used === partBytes) {
          parts += 1;
          if (parts === MAX_PARTS) throw tooManyParts(partBytes);
          sender ??= await PartSender.begin(connection, key, call, limit);
          sender.send(buffer, used);
          buffer = await sender.buffer(partBytes);
          used = 0;
        } else if (used === buffer.length) buffer = grown(buffers, buffer, partBytes);
        const fits = Math.min(rest.length, buffer.length - used);
        buffer.set(rest.subarray(0, fits), used);
        used += fits;
        rest = rest.subarray(fits);
      }
    }
    if (sender === undefined) {
      await putBytes(connection, key, buffer.subarray(0, used), call, replayable, options);
      buffers.give(buffer);
      return;
    }
    sender.send(buffer, used);
    await sender.complete(reader.received);
  } catch (error) {
    throw sender === undefined ? error : await sender.abandon(error);
  }
}

/** Parts of one size, as few as are allowed; larger ones for very large contents, of which then fewer are in memory. */
function partsFor(
  connection: S3Connection,
  size: number | undefined,
): { readonly partBytes: number; readonly limit: number } {
  const { partBytes, concurrency, profile } = connection;
  const needed = Math.ceil((size ?? 0) / MAX_PARTS / MIB) * MIB;
  if (needed <= partBytes) return { partBytes, limit: concurrency };
  const memory = partBytes * concurrency;
  const largest = Math.min(memory, profile.maxPartBytes);
  if (needed > largest) throw tooManyParts(largest);
  return { partBytes: needed, limit: Math.floor(memory / needed) };
}

function tooManyParts(partBytes: number): OsproxyError {
  const maximum = partBytes * MAX_PARTS;
  return new OsproxyError(
    'TooLarge',
    `The content is larger than the ${maximum} bytes that the store takes in ${MAX_PARTS} parts; raise "partSizeMiB" of the store.`,
    { details: { maximum } },
  );
}

function grown(buffers: PartBuffers, buffer: Buffer, partBytes: number): Buffer {
  const larger = buffers.take(Math.min(partBytes, buffer.length * 4));
  buffer.copy(larger);
  return larger;
}
