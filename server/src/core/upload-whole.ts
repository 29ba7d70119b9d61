import { refineType } from './content-types.ts';
import { readyFile, wholeManifest } from './contents.ts';
import { OsproxyError } from './errors.ts';
import type { Remember } from './idempotency.ts';
import type { Ingest } from './ingest.ts';
import type { Expectation } from './model/blob.ts';
import type { FileRecord } from './model/file.ts';
import type { Uid } from './model/uid.ts';
import type { Clock } from './ports/clock.ts';
import type { ContentTyper } from './ports/content-typer.ts';
import type { IdSource } from './ports/ids.ts';
import type { Metadata } from './ports/metadata.ts';
import { checkCompleted, mergeExpectations } from './upload-checks.ts';
import { becomeFile, checkAlive } from './upload-state.ts';

export interface WholeWriting {
  readonly metadata: Metadata;
  readonly ingest: Ingest;
  readonly typer: ContentTyper;
  readonly ids: IdSource;
  readonly clock: Clock;
}

export interface WholeContent {
  readonly input: AsyncIterable<Uint8Array>;
  readonly expect: Expectation;
  readonly signal: AbortSignal | undefined;
}

/** The whole content of an upload in one go; parts that came before give way. */
export async function writeWhole(
  { metadata, ingest, typer, ids, clock }: WholeWriting,
  uid: Uid,
  { input, expect, signal }: WholeContent,
): Promise<FileRecord> {
  const begun = checkAlive(await metadata.uploads.find(uid), uid, clock.now());
  const landed = await ingest.landWhole(input, mergeExpectations(begun, expect), signal);
  const contentType = refineType(await typer.detect(landed.head, begun.name), begun.contentType);
  return ingest.commit(landed, async (repositories, settle) => {
    const now = clock.now();
    const upload = checkAlive(await repositories.uploads.lock(uid), uid, now);
    const { size, sha256, md5 } = landed.digests;
    if (upload.state === 'completed') {
      const file = checkCompleted(uid, await repositories.files.find(uid), { size });
      if (file.state === 'ready' && file.sha256 === sha256) return file;
      throw new OsproxyError(
        'Conflict',
        `Upload ${uid} is complete with other content; create a new upload.`,
        { details: { uid } },
      );
    }
    const parts = await repositories.uploads.parts(uid);
    const manifest = await wholeManifest(repositories, ids, landed, settle, now);
    const blobs = parts.map((part) => part.blobId);
    if (blobs.length > 0) await repositories.blobs.markIdle(blobs, now);
    return becomeFile(repositories, { ...upload, sha256, md5 }, manifest, contentType, now);
  });
}

/** A file in one call, without an upload before it. */
export async function writeFile(
  { ingest, typer, ids, clock }: WholeWriting,
  wanted: { readonly owner: string; readonly name: string; readonly contentType?: string | undefined },
  { input, expect, signal }: WholeContent,
  remember: Remember | undefined,
): Promise<FileRecord> {
  const { owner, name } = wanted;
  const uid = ids.next();
  const landed = await ingest.landWhole(input, expect, signal);
  const contentType = refineType(await typer.detect(landed.head, name), wanted.contentType);
  return ingest.commit(landed, async (repositories, settle) => {
    const now = clock.now();
    await remember?.(repositories, uid);
    const manifest = await wholeManifest(repositories, ids, landed, settle, now);
    const { md5, sha256 } = landed.digests;
    const file = readyFile({ uid, owner, name, contentType, manifest, md5, sha256 }, now);
    await repositories.files.insert(file);
    return file;
  });
}
