import { type Holders, manifestOver, unverifiedManifest } from './contents.ts';
import { OsproxyError } from './errors.ts';
import { checkExpectation } from './hashing/hashed-source.ts';
import type { Manifest } from './model/manifest.ts';
import type { Uid } from './model/uid.ts';
import type { HashedParts, PartRecord } from './model/upload.ts';
import { checkName } from './names.ts';
import type { PlacementPolicy } from './placement.ts';
import type { Clock } from './ports/clock.ts';
import type { ContentTyper } from './ports/content-typer.ts';
import type { IdSource } from './ports/ids.ts';
import type { Metadata, MetadataWriter } from './ports/metadata.ts';
import { composeTask } from './tasks/compose-payload.ts';
import { enqueueTransfers } from './tasks/transfer-payload.ts';
import {
  type CompleteRequest,
  checkCompleted,
  checkFileSize,
  checkParts,
  type WholeFacts,
} from './upload-checks.ts';
import { becomeFile, checkAlive, type Made } from './upload-state.ts';
import type { UploadTies } from './upload-ties.ts';

export interface Completion {
  readonly metadata: Metadata;
  readonly typer: ContentTyper;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly policy: PlacementPolicy;
  readonly holders: Holders;
  readonly ties?: UploadTies | undefined;
  readonly settings: { readonly maxFileSize: number; readonly taskAttempts: number };
}

/** One transaction under the upload's lock; verification of several parts as a whole is left to a task. */
export async function complete(completion: Completion, uid: Uid, request: CompleteRequest): Promise<Made> {
  const { metadata, typer, ids, clock, policy, settings, holders } = completion;
  const begun = checkAlive(await metadata.uploads.find(uid), uid, clock.now());
  const { hashed } = request;
  const name = request.name === undefined ? begun.name : checkName(request.name);
  const ownType = await typer.detect(hashed?.head ?? new Uint8Array(0), name);
  return metadata.transaction(async (repositories) => {
    const now = clock.now();
    const upload = checkAlive(await repositories.uploads.lock(uid), uid, now);
    if (upload.state === 'completed') {
      return { file: checkCompleted(uid, await repositories.files.find(uid), request), hasTasks: false };
    }
    const parts = await repositories.uploads.parts(uid);
    const whole = checkParts(upload, parts, request);
    checkFileSize(whole.size, settings.maxFileSize);
    const destination = policy.chosen(upload);
    policy.checkSize(destination, whole.size);
    const place = await completion.ties?.completing(repositories, upload, whole.size, request.name);
    const manifest =
      hashed === undefined
        ? await manifestOf(completion, repositories, parts, whole, now)
        : await hashedManifest(repositories, ids, { uid, parts, hashed }, now);
    const known = hashed === undefined ? parts[0]?.contentType : undefined;
    const contentType = known ?? ownType;
    policy.checkType(destination, contentType);
    const declared = { ...upload, name, md5: whole.md5, sha256: whole.sha256 };
    if (hashed !== undefined) checkExpectation(hashed.digests, whole);
    const file = await becomeFile(repositories, declared, { manifest, contentType, now }, holders);
    await place?.(file);
    if (manifest.verified) {
      const context = { ids, settings, now };
      return { file, hasTasks: await enqueueTransfers(repositories, context, manifest, destination) };
    }
    const task = composeTask({ uid, manifestId: manifest.id, ...destination }, settings.taskAttempts);
    await repositories.tasks.enqueue(ids.next(), task, now);
    return { file, hasTasks: true };
  });
}

/** Throws Conflict where another part came after they were hashed. */
async function hashedManifest(
  repositories: MetadataWriter,
  ids: IdSource,
  { uid, parts, hashed }: { uid: Uid; parts: readonly PartRecord[]; hashed: HashedParts },
  now: number,
): Promise<Manifest> {
  const { digests, blobIds } = hashed;
  if (parts.length !== blobIds.length || parts.some(({ blobId }, at) => blobId !== blobIds[at])) {
    throw new OsproxyError('Conflict', `A part of upload ${uid} was replaced meanwhile; complete it again.`, {
      details: { uid },
      retryable: true,
    });
  }
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) {
    return manifestOver(repositories, ids, { ...digests, blobId: only.blobId }, now);
  }
  const manifest = { ...unverifiedManifest(ids.next(), parts, now), ...digests, verified: true };
  await repositories.manifests.insert(manifest);
  return manifest;
}

/** One part was hashed whole already, unless a digest was declared that nobody computed; the rest waits for verification. */
async function manifestOf(
  { ids }: Completion,
  repositories: MetadataWriter,
  parts: readonly PartRecord[],
  { md5 }: WholeFacts,
  now: number,
): Promise<Manifest> {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && (md5 === undefined || md5 === only.md5)) {
    return manifestOver(repositories, ids, { ...only, sha1: undefined }, now);
  }
  const manifest = unverifiedManifest(ids.next(), parts, now);
  await repositories.manifests.insert(manifest);
  return manifest;
}
