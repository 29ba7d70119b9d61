import { Type } from 'typebox';
import { unverifiedManifest } from '../contents.ts';
import type { Downloads } from '../downloads.ts';
import { isOsproxyError } from '../errors.ts';
import type { FileRecords } from '../file-records.ts';
import type { HashWorkers } from '../hashing/hash-workers.ts';
import { checkExpectation } from '../hashing/hashed-source.ts';
import { hashPipeline } from '../hashing/pipeline.ts';
import type { Digests, Placement } from '../model/blob.ts';
import type { FileContent } from '../model/file.ts';
import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/ids.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';
import type { StorageKeys } from '../storage-keys.ts';
import type { Stores } from '../stores.ts';
import { COMPOSE } from './compose-payload.ts';
import type { TaskContext, TaskType } from './task-type.ts';

export interface ComposeDependencies {
  readonly metadata: Metadata;
  readonly records: FileRecords;
  readonly downloads: Downloads;
  readonly stores: Stores;
  readonly workers: HashWorkers;
  readonly ids: IdSource;
  readonly keys: StorageKeys;
  readonly clock: Clock;
  readonly md5: 'always' | 'declared';
}

const schema = Type.Object({ uid: Type.String(), manifestId: Type.String() });

/**
 * Hashes a completed file as a whole. Wrong content makes the file rejected. Right content is marked verified; where equal content is here
 * already, or the store joins parts itself, the manifest is swapped by compare-and-set while readers of the old one finish undisturbed.
 */
export function composeType(dependencies: ComposeDependencies): TaskType<typeof schema> {
  const { metadata, records, clock } = dependencies;
  return {
    type: COMPOSE,
    schema,
    precheck: async ({ uid, manifestId }) => {
      const file = await metadata.files.find(uid);
      return file?.state === 'ready' && file.manifestId === manifestId && !file.verified;
    },
    handle: async ({ uid, manifestId }, context) => {
      const content = await records.findFresh(uid);
      if (content === undefined || content.file.manifestId !== manifestId) return 'done';
      const digests = await digest(dependencies, content, context.signal);
      const wrong = whatIsWrong(content, digests);
      if (wrong !== undefined) {
        await context.commit(async (repositories) => {
          const now = clock.now();
          if (!(await repositories.files.markRejected(uid, manifestId, wrong, now))) return;
          await repositories.manifests.markIdle(manifestId, now);
        });
      } else {
        await settle(dependencies, content, digests, context);
      }
      await records.changed(uid);
      return 'done';
    },
  };
}

async function digest(
  { downloads, workers, md5 }: ComposeDependencies,
  content: FileContent,
  signal: AbortSignal,
): Promise<Digests> {
  const withMd5 = md5 === 'always' || content.file.md5 !== undefined;
  const body = await downloads.read(content, undefined, signal);
  const chunks = body.chunks[Symbol.asyncIterator]();
  const pipeline = hashPipeline(new Uint8Array(0), chunks, withMd5 ? ['sha256', 'md5'] : ['sha256'], workers);
  let size = 0;
  for await (const chunk of pipeline.chunks) {
    signal.throwIfAborted();
    size += chunk.byteLength;
  }
  const hex = await pipeline.digests();
  return { size, sha256: hex.get('sha256') ?? '', md5: hex.get('md5'), sha1: undefined };
}

function whatIsWrong({ file }: FileContent, digests: Digests): string | undefined {
  try {
    checkExpectation(digests, { size: file.size, md5: file.md5, sha256: file.sha256 });
    return undefined;
  } catch (error) {
    if (isOsproxyError(error)) return error.message;
    throw error;
  }
}

async function settle(
  dependencies: ComposeDependencies,
  content: FileContent,
  digests: Digests,
  context: TaskContext,
): Promise<void> {
  const { uid, manifestId, size } = content.file;
  const twin = await dependencies.metadata.manifests.findVerified(
    { sha256: digests.sha256 },
    size,
    undefined,
  );
  const joined = twin === undefined ? await join(dependencies, content, context.signal) : undefined;
  await context.commit(async (repositories) => {
    const now = dependencies.clock.now();
    if (twin !== undefined && (await repositories.manifests.claim(twin.id))) {
      if (await repositories.files.swapManifest(uid, manifestId, twin, now)) {
        await repositories.manifests.markIdle(manifestId, now);
      }
      return;
    }
    if (joined === undefined) {
      await repositories.files.markVerified(uid, manifestId, digests, now);
      return;
    }
    await swapToJoined(dependencies, repositories, content, digests, joined, now);
  });
}

/** Undefined where joining would not pay: one part, parts in several stores, or a store that does not offer it. */
async function join(
  { stores, keys }: ComposeDependencies,
  content: FileContent,
  signal: AbortSignal,
): Promise<Placement | undefined> {
  const placements = content.parts.map((part) =>
    part.placements.find((placement) => stores.isNear(placement)),
  );
  const [first] = placements;
  if (first === undefined || placements.length < 2) return undefined;
  const driver = stores.driver(first.store);
  if (driver.compose === undefined) return undefined;
  const sources: string[] = [];
  for (const placement of placements) {
    if (placement?.store !== first.store) return undefined;
    sources.push(placement.key);
  }
  const target: Placement = { ...first, key: keys.next() };
  const { size } = await driver.compose(target.key, sources, { signal });
  return size === content.file.size ? target : undefined;
}

async function swapToJoined(
  { ids }: ComposeDependencies,
  repositories: MetadataWriter,
  { file }: FileContent,
  digests: Digests,
  joined: Placement,
  now: number,
): Promise<void> {
  const equal = await repositories.blobs.findLive(digests.sha256, digests.size);
  const claimed = equal !== undefined && (await repositories.blobs.claim(equal.id));
  const blobId = claimed && equal !== undefined ? equal.id : ids.next();
  if (!claimed) await repositories.blobs.insert({ id: blobId, ...digests, createdAt: now }, joined);
  const parts = [{ blobId, size: digests.size }];
  const manifest = { ...unverifiedManifest(ids.next(), parts, now), ...digests, verified: true };
  await repositories.manifests.insert(manifest);
  if (await repositories.files.swapManifest(file.uid, file.manifestId, manifest, now)) {
    await repositories.manifests.markIdle(file.manifestId, now);
  } else {
    await repositories.manifests.markIdle(manifest.id, now);
  }
}
