import { CopyObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { JoinedSignal } from '#core/cancellation.ts';
import type { CallOptions } from '#core/ports/storage-driver.ts';
import { cancelled } from '../abort.ts';
import { type ComposeSource, type ComposeStep, type Piece, planCompose } from './compose-plan.ts';
import { brokenOff, translate } from './errors.ts';
import { openObject } from './object-reader.ts';
import { PartSender } from './part-sender.ts';
import { putObject } from './put-object.ts';
import type { S3Connection } from './s3-connection.ts';

/** One request copies at most this much, so that its answer comes in time. */
const ONE_COPY_BYTES = 256 * 1024 * 1024;

/** Joins the sources inside the store; bytes come through here only where a part would be too small. */
export async function composeObject(
  connection: S3Connection,
  key: string,
  keys: readonly string[],
  options: CallOptions,
): Promise<{ readonly size: number }> {
  const { signal } = options;
  const call = new JoinedSignal(signal);
  try {
    const sources = await measure(connection, keys, call.signal);
    const size = sources.reduce((sum, source) => sum + source.size, 0);
    await join(connection, key, sources, size, call);
    return { size };
  } catch (error) {
    // One failed question ends the others.
    call.abort(error);
    if (signal?.aborted) throw cancelled(signal);
    throw translate(error);
  } finally {
    call.release();
  }
}

async function join(
  connection: S3Connection,
  key: string,
  sources: readonly ComposeSource[],
  size: number,
  call: JoinedSignal,
): Promise<void> {
  const { profile, partBytes } = connection;
  const present = sources.filter((source) => source.size > 0);
  const [only] = present;
  if (only !== undefined && present.length === 1 && size <= Math.min(ONE_COPY_BYTES, profile.maxCopyBytes)) {
    return copyWhole(connection, key, only, call);
  }
  if (size < profile.minPartBytes) return sendWhole(connection, key, present, size, call);
  await joinParts(connection, key, planCompose(present, { ...profile, partBytes }), size, call);
}

async function copyWhole(
  connection: S3Connection,
  key: string,
  source: ComposeSource,
  call: JoinedSignal,
): Promise<void> {
  call.signal.throwIfAborted();
  call.release();
  const command = new CopyObjectCommand({
    Bucket: connection.bucket,
    Key: connection.nameOf(key),
    CopySource: `${connection.bucket}/${connection.nameOf(source.key)}`,
  });
  const { CopyObjectResult } = await connection.steadily.send(command);
  if (CopyObjectResult?.ETag === undefined) throw brokenOff('The store copied without saying so; try again.');
}

async function sendWhole(
  connection: S3Connection,
  key: string,
  sources: readonly ComposeSource[],
  size: number,
  call: JoinedSignal,
): Promise<void> {
  const pieces = sources.map((source): Piece => ({ key: source.key, length: source.size, range: undefined }));
  const open = (): AsyncIterable<Uint8Array> => read(connection, pieces, call.signal);
  await putObject(connection, key, { size, replayable: true, open }, { signal: call.signal });
}

async function joinParts(
  connection: S3Connection,
  key: string,
  steps: readonly ComposeStep[],
  size: number,
  call: JoinedSignal,
): Promise<void> {
  const sender = await PartSender.begin(connection, key, call, connection.concurrency);
  try {
    for (const step of steps) {
      if (step.kind === 'copy') {
        const { piece } = step;
        await sender.run((upload, number) => upload.copyPart(number, piece.key, piece.range));
        continue;
      }
      const buffer = await sender.buffer(step.length);
      let position = 0;
      for await (const chunk of read(connection, step.pieces, call.signal)) {
        buffer.set(chunk, position);
        position += chunk.length;
      }
      sender.send(buffer, position);
    }
    await sender.complete(size);
  } catch (error) {
    throw await sender.abandon(error);
  }
}

async function* read(
  connection: S3Connection,
  pieces: readonly Piece[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    const object = await openObject(connection, piece.key, piece.range, signal);
    yield* object.chunks;
  }
}

/** How large the sources are, asking for a few at a time. */
async function measure(
  connection: S3Connection,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<ComposeSource[]> {
  const sizes = new Map<string, number>();
  const waiting = new Set(keys).values();
  const worker = async (): Promise<void> => {
    for (const key of waiting) {
      const command = new HeadObjectCommand({ Bucket: connection.bucket, Key: connection.nameOf(key) });
      const head = await connection.steadily.send(command, { abortSignal: signal });
      sizes.set(key, head.ContentLength ?? 0);
    }
  };
  await Promise.all(Array.from({ length: connection.concurrency }, worker));
  return keys.map((key) => ({ key, size: sizes.get(key) ?? 0 }));
}
