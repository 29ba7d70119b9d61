import { manifestOver, unverifiedManifest } from './contents.ts';
import type { FileRecord } from './model/file.ts';
import type { Manifest } from './model/manifest.ts';
import type { Uid } from './model/uid.ts';
import type { PartRecord } from './model/upload.ts';
import type { Clock } from './ports/clock.ts';
import type { ContentTyper } from './ports/content-typer.ts';
import type { IdSource } from './ports/ids.ts';
import type { Metadata, MetadataWriter } from './ports/metadata.ts';
import { composeTask } from './tasks/compose-payload.ts';
import {
  type CompleteRequest,
  checkCompleted,
  checkFileSize,
  checkParts,
  type WholeFacts,
} from './upload-checks.ts';
import { becomeFile, checkAlive } from './upload-state.ts';

export interface Completion {
  readonly metadata: Metadata;
  readonly typer: ContentTyper;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly settings: { readonly maxFileSize: number; readonly taskAttempts: number };
}

/** One transaction under the upload's lock; verification of several parts as a whole is left to a task. */
export async function complete(
  completion: Completion,
  uid: Uid,
  request: CompleteRequest,
): Promise<FileRecord> {
  const { metadata, typer, ids, clock, settings } = completion;
  const begun = checkAlive(await metadata.uploads.find(uid), uid, clock.now());
  const emptyType = await typer.detect(new Uint8Array(0), begun.name);
  return metadata.transaction(async (repositories) => {
    const now = clock.now();
    const upload = checkAlive(await repositories.uploads.lock(uid), uid, now);
    if (upload.state === 'completed') {
      return checkCompleted(uid, await repositories.files.find(uid), request);
    }
    const parts = await repositories.uploads.parts(uid);
    const whole = checkParts(upload, parts, request);
    checkFileSize(whole.size, settings.maxFileSize);
    const manifest = await manifestOf(completion, repositories, parts, whole, now);
    const contentType = parts[0]?.contentType ?? emptyType;
    const declared = { ...upload, md5: whole.md5, sha256: whole.sha256 };
    const file = await becomeFile(repositories, declared, manifest, contentType, now);
    if (!manifest.verified) {
      await repositories.tasks.enqueue(ids.next(), composeTask(uid, manifest.id, settings.taskAttempts), now);
    }
    return file;
  });
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
    const known = await repositories.manifests.findVerified({ sha256: only.sha256 }, only.size, undefined);
    return manifestOver(repositories, ids, { ...only, sha1: undefined }, known, now);
  }
  const manifest = unverifiedManifest(ids.next(), parts, now);
  await repositories.manifests.insert(manifest);
  return manifest;
}
