import { OsproxyError } from './errors.ts';
import type { Ingest } from './ingest.ts';
import type { Expectation } from './model/blob.ts';
import type { Uid } from './model/uid.ts';
import { MAX_PARTS, type PartRecord, type UploadRecord } from './model/upload.ts';
import type { PlacementPolicy } from './placement.ts';
import type { Clock } from './ports/clock.ts';
import type { ContentTyper } from './ports/content-typer.ts';
import type { Metadata, MetadataWriter } from './ports/metadata.ts';
import { checkAlive } from './upload-state.ts';
import { checkRoom, type UploadTies } from './upload-ties.ts';
import type { TransferNote } from './usage/transfer-note.ts';

export interface PartWriting {
  readonly metadata: Metadata;
  readonly ingest: Ingest;
  readonly typer: ContentTyper;
  readonly clock: Clock;
  readonly policy: PlacementPolicy;
  readonly ties?: UploadTies | undefined;
  readonly settings: { readonly expireMs: number };
}

export interface NewPart {
  readonly uid: Uid;
  readonly number: number;
  readonly input: AsyncIterable<Uint8Array>;
  readonly expect: Expectation;
  readonly signal: AbortSignal | undefined;
  /** Told where the bytes go as soon as that is known. */
  readonly note: TransferNote | undefined;
}

/** Bytes of one part first, then one transaction under the upload's lock that names them. */
export async function writePart(
  { metadata, ingest, typer, clock, policy, ties, settings }: PartWriting,
  { uid, number, input, expect, signal, note }: NewPart,
): Promise<PartRecord> {
  checkNumber(number);
  const begun = checkAlive(await metadata.uploads.find(uid), uid, clock.now());
  const destination = policy.chosen(begun);
  if (note !== undefined) Object.assign(note, { uid, owner: begun.owner, store: destination.store });
  policy.checkSize(destination, expect.size);
  await checkRoom(ties, metadata, begun, { number, size: expect.size });
  const landed = await ingest.land(policy.capped(destination, input), expect, signal, destination.store);
  const contentType = number === 1 ? await typer.detect(landed.head, begun.name) : undefined;
  if (contentType !== undefined) {
    await ingest.keepIf(landed, () => policy.checkType(destination, contentType));
  }
  return ingest.commit(landed, async (repositories, settle) => {
    const now = clock.now();
    const upload = checkAlive(await repositories.uploads.lock(uid), uid, now);
    const old = await repositories.uploads.findPart(uid, number);
    if (upload.state === 'completed') {
      const { sha256, size } = landed.digests;
      if (old?.sha256 === sha256 && old.size === size) return old;
      throw new OsproxyError('Conflict', `Upload ${uid} is complete; its parts cannot be changed any more.`);
    }
    await checkRoom(ties, repositories, upload, { number, size: landed.digests.size });
    // A repeated part settles too: that heals a stored copy whose bytes went missing.
    const { blobId } = await settle();
    await keepOpen(repositories, upload, settings.expireMs, now);
    const { size, md5, sha256 } = landed.digests;
    if (old?.blobId === blobId && (old.md5 !== undefined || md5 === undefined)) return old;
    const part: PartRecord = { number, blobId, size, md5, sha256, contentType, createdAt: now };
    await repositories.uploads.putPart(uid, part);
    if (old !== undefined && old.blobId !== blobId) await repositories.blobs.markIdle([old.blobId], now);
    return part;
  });
}

function checkNumber(number: number): void {
  if (Number.isInteger(number) && number >= 1 && number <= MAX_PARTS) return;
  throw new OsproxyError(
    'InvalidArgument',
    `The part number must be a whole number from 1 to ${MAX_PARTS}.`,
    { details: { field: 'number' } },
  );
}

/** An upload that goes on does not expire. */
async function keepOpen(
  repositories: MetadataWriter,
  upload: UploadRecord,
  expireMs: number,
  now: number,
): Promise<void> {
  if (upload.expiresAt - now < expireMs / 2) await repositories.uploads.extend(upload.uid, now + expireMs);
}
