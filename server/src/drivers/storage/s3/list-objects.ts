import {
  type _Object,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { OsproxyError } from '#core/errors.ts';
import type { ListedObject } from '#core/ports/storage-driver.ts';
import { cancelled, throwIfCancelled } from '../abort.ts';
import { isKey, isKeyPrefix } from '../keys.ts';
import { notS3, translate } from './errors.ts';
import type { S3Connection } from './s3-connection.ts';

interface Page {
  readonly objects: readonly _Object[];
  /** Where the next page begins; undefined at the end. */
  readonly next: string | undefined;
}

/** Every object of ours whose key starts with the prefix; what others put beside them is passed over. */
export async function* listObjects(
  connection: S3Connection,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedObject> {
  throwIfCancelled(signal);
  if (!isKeyPrefix(prefix)) return;
  const page = connection.profile.listVersion === 2 ? pageV2 : pageV1;
  for (let from: string | undefined = ''; from !== undefined; ) {
    const { objects, next }: Page = await guarded(
      page(connection, connection.nameOf(prefix), from, signal),
      signal,
    );
    for (const object of objects) {
      const key = connection.keyOf(object.Key);
      if (key === undefined || !isKey(key) || object.LastModified === undefined) continue;
      yield { key, size: object.Size ?? 0, modifiedAt: toSeconds(object.LastModified) };
      throwIfCancelled(signal);
    }
    if (next === from) throw standingStill();
    from = next;
  }
}

/** Multipart uploads of ours that were begun and neither completed nor aborted. */
export async function* listUploads(
  connection: S3Connection,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly name: string; readonly id: string; readonly begunAt: Date }> {
  throwIfCancelled(signal);
  let from: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } = {};
  for (;;) {
    const command = new ListMultipartUploadsCommand({
      Bucket: connection.bucket,
      Prefix: connection.nameOf(''),
      ...from,
    });
    const answer = await guarded(connection.once.send(command, optionsFor(signal)), signal);
    for (const { Key: name, UploadId: id, Initiated: begunAt } of answer.Uploads ?? []) {
      const key = connection.keyOf(name);
      if (name === undefined || key === undefined || !isKey(key)) continue;
      if (id !== undefined && begunAt !== undefined) yield { name, id, begunAt };
      throwIfCancelled(signal);
    }
    if (!answer.IsTruncated) return;
    const { NextKeyMarker: nextKey, NextUploadIdMarker: nextId } = answer;
    if (nextKey === undefined || (nextKey === from.KeyMarker && nextId === from.UploadIdMarker)) {
      throw standingStill();
    }
    from = { KeyMarker: nextKey, ...(nextId !== undefined && { UploadIdMarker: nextId }) };
  }
}

async function pageV2(
  connection: S3Connection,
  prefix: string,
  from: string,
  signal: AbortSignal | undefined,
): Promise<Page> {
  const command = new ListObjectsV2Command({
    Bucket: connection.bucket,
    Prefix: prefix,
    ...(from !== '' && { ContinuationToken: from }),
  });
  const answer = await connection.once.send(command, optionsFor(signal));
  const objects = answer.Contents ?? [];
  if (answer.IsTruncated === undefined) throw notS3();
  if (!answer.IsTruncated) return { objects, next: undefined };
  if (answer.NextContinuationToken === undefined) throw standingStill();
  return { objects, next: answer.NextContinuationToken };
}

async function pageV1(
  connection: S3Connection,
  prefix: string,
  from: string,
  signal: AbortSignal | undefined,
): Promise<Page> {
  const command = new ListObjectsCommand({
    Bucket: connection.bucket,
    Prefix: prefix,
    ...(from !== '' && { Marker: from }),
  });
  const answer = await connection.once.send(command, optionsFor(signal));
  const objects = answer.Contents ?? [];
  if (answer.IsTruncated === undefined) throw notS3();
  if (!answer.IsTruncated) return { objects, next: undefined };
  const next = answer.NextMarker ?? objects.at(-1)?.Key;
  if (next === undefined) throw standingStill();
  return { objects, next };
}

async function guarded<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw signal?.aborted ? cancelled(signal) : translate(error);
  }
}

function optionsFor(signal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

/** A listing shows milliseconds, a HEAD only seconds; the port gives one time for one object. */
function toSeconds(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000);
}

function standingStill(): OsproxyError {
  return new OsproxyError('Internal', 'The store says that its listing goes on, but not where.');
}
