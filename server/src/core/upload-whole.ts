import { type Holders, insertReady, readyFile, wholeManifest } from './contents.ts';
import { OsproxyError } from './errors.ts';
import type { Remember } from './idempotency.ts';
import type { Ingest, Landed } from './ingest.ts';
import type { Expectation } from './model/blob.ts';
import type { Uid } from './model/uid.ts';
import type { Destination, PlacementPolicy } from './placement.ts';
import type { Clock } from './ports/clock.ts';
import type { ContentTyper } from './ports/content-typer.ts';
import type { IdSource } from './ports/ids.ts';
import type { Metadata, MetadataWriter } from './ports/metadata.ts';
import { enqueueTransfers } from './tasks/transfer-payload.ts';
import { checkCompleted, mergeExpectations } from './upload-checks.ts';
import { becomeFile, checkAlive, type Made } from './upload-state.ts';
import type { Placing, UploadTies } from './upload-ties.ts';
import type { TransferNote } from './usage/transfer-note.ts';

export interface WholeWriting {
  readonly metadata: Metadata;
  readonly ingest: Ingest;
  readonly typer: ContentTyper;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly policy: PlacementPolicy;
  readonly holders: Holders;
  readonly ties?: UploadTies | undefined;
  readonly settings: { readonly taskAttempts: number };
}

export interface WholeContent {
  readonly input: AsyncIterable<Uint8Array>;
  readonly expect: Expectation;
  readonly signal: AbortSignal | undefined;
  /** Told where the bytes go as soon as that is known. */
  readonly note: TransferNote | undefined;
  /** Computes the SHA-1 as well. */
  readonly withSha1?: boolean | undefined;
}

/** The whole content of an upload in one go; parts that came before give way. */
export async function writeWhole(
  writing: WholeWriting,
  uid: Uid,
  { input, expect, signal, note }: WholeContent,
): Promise<Made> {
  const { metadata, ids, clock, policy, ingest, settings, holders } = writing;
  const begun = checkAlive(await metadata.uploads.find(uid), uid, clock.now());
  const destination = policy.chosen(begun);
  if (note !== undefined) Object.assign(note, { uid, owner: begun.owner, store: destination.store });
  const content = { input, expect: mergeExpectations(begun, expect), signal, note };
  const { landed, contentType } = await land(writing, { ...begun, destination }, content);
  return ingest.commit(landed, async (repositories, settle) => {
    const now = clock.now();
    const upload = checkAlive(await repositories.uploads.lock(uid), uid, now);
    const { size, sha256, md5 } = landed.digests;
    if (upload.state === 'completed') {
      const file = checkCompleted(uid, await repositories.files.find(uid), { size });
      if (file.state !== 'rejected' && file.sha256 === sha256) return { file, hasTasks: false };
      throw new OsproxyError(
        'Conflict',
        `Upload ${uid} is complete with other content; create a new upload.`,
        { details: { uid } },
      );
    }
    const parts = await repositories.uploads.parts(uid);
    const place = await writing.ties?.completing(repositories, upload, size);
    const manifest = await wholeManifest(repositories, ids, landed, settle, now);
    const blobs = parts.map((part) => part.blobId);
    if (blobs.length > 0) await repositories.blobs.markIdle(blobs, now);
    const file = await becomeFile(
      repositories,
      { ...upload, sha256, md5 },
      { manifest, contentType, now },
      holders,
    );
    await place?.(file);
    return {
      file,
      hasTasks: await enqueueTransfers(repositories, { ids, settings, now }, manifest, destination),
    };
  });
}

/** Called before a file of this size is made; what it returns is called with the file. A throw refuses. */
export type Placed = (repositories: MetadataWriter, size: number) => Promise<Placing>;

/** A file in one call, without an upload before it. */
export async function writeFile(
  writing: WholeWriting,
  wanted: Wanted & { readonly owner: string; readonly placed: Placed | undefined },
  content: WholeContent,
  remember: Remember | undefined,
): Promise<Made> {
  const { ingest, ids, clock, settings } = writing;
  const { owner, name, destination } = wanted;
  const uid = ids.next();
  if (content.note !== undefined) Object.assign(content.note, { uid, owner, store: destination.store });
  const { landed, contentType } = await land(writing, wanted, content);
  return ingest.commit(landed, async (repositories, settle) => {
    const now = clock.now();
    await remember?.(repositories, uid, landed.digests.sha256);
    const place = await wanted.placed?.(repositories, landed.digests.size);
    const manifest = await wholeManifest(repositories, ids, landed, settle, now);
    const { md5, sha256 } = landed.digests;
    const file = readyFile({ uid, owner, name, contentType, manifest, md5, sha256 }, now);
    const made = await insertReady(repositories, file, writing.holders);
    await place?.(made);
    return {
      file: made,
      hasTasks: await enqueueTransfers(repositories, { ids, settings, now }, manifest, destination),
    };
  });
}

interface Wanted {
  readonly name: string;
  readonly destination: Destination;
}

/** Bytes in the store that was chosen, unless it takes no file of this size or type. */
async function land(
  { ingest, typer, policy }: WholeWriting,
  { name, destination }: Wanted,
  { input, expect, signal, withSha1 }: WholeContent,
): Promise<{ readonly landed: Landed; readonly contentType: string }> {
  policy.checkSize(destination, expect.size);
  const capped = policy.capped(destination, input);
  const landed = await ingest.landWhole(capped, expect, signal, destination.store, withSha1);
  const contentType = await typer.detect(landed.head, name);
  await ingest.keepIf(landed, () => policy.checkType(destination, contentType));
  return { landed, contentType };
}
