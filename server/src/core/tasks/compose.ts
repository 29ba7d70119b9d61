import { Type } from 'typebox';
import { throwIfCancelled } from '../cancellation.ts';
import { manifestOver } from '../contents.ts';
import { firstReadable } from '../copies.ts';
import type { Downloads } from '../downloads.ts';
import { isOsproxyError, toOsproxyError } from '../errors.ts';
import { fileEvent } from '../events/facts.ts';
import type { FileRecords } from '../file-records.ts';
import type { HashWorkers } from '../hashing/hash-workers.ts';
import { checkExpectation } from '../hashing/hashed-source.ts';
import { hashPipeline } from '../hashing/pipeline.ts';
import { Ingest } from '../ingest.ts';
import type { Digests, Placement } from '../model/blob.ts';
import type { FileContent, FileRecord } from '../model/file.ts';
import type { Manifest } from '../model/manifest.ts';
import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/ids.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';
import type { StorageKeys } from '../storage-keys.ts';
import type { Stores } from '../stores.ts';
import { COMPOSE } from './compose-payload.ts';
import type { TaskContext, TaskType } from './task-type.ts';
import { enqueueTransfers, type TransferRoute } from './transfer-payload.ts';

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
  readonly settings: { readonly taskAttempts: number };
}

type Settling = ComposeDependencies & {
  readonly ingest: Ingest;
  /** Where the parts are, and where the verified file goes on to. */
  readonly destination: TransferRoute;
};

const schema = Type.Object({
  uid: Type.String(),
  manifestId: Type.String(),
  store: Type.Optional(Type.String()),
  transferTo: Type.Optional(Type.String()),
});

/**
 * Hashes a completed file as a whole. Wrong content makes the file rejected. Right content is marked verified; where equal content is here
 * already, or the store joins parts itself, the manifest is swapped by compare-and-set while readers of the old one finish undisturbed.
 */
export function composeType(dependencies: ComposeDependencies): TaskType<typeof schema> {
  const { metadata, records, clock } = dependencies;
  const ingest = new Ingest(dependencies);
  return {
    type: COMPOSE,
    schema,
    precheck: async ({ uid, manifestId }) => {
      const file = await metadata.files.find(uid);
      return (
        (file?.state === 'ready' || file?.state === 'held') &&
        file.manifestId === manifestId &&
        !file.verified
      );
    },
    handle: async ({ uid, manifestId, ...destination }, context) => {
      const content = await records.findFresh(uid);
      if (content === undefined || content.file.manifestId !== manifestId) return 'done';
      const digests = await digest(dependencies, content, context.signal);
      const wrong = whatIsWrong(content, digests);
      if (wrong !== undefined) {
        await context.commit(async (repositories) => {
          const now = clock.now();
          if (!(await repositories.files.markRejected(uid, manifestId, wrong, now))) return;
          await repositories.manifests.markIdle(manifestId, now);
          await repositories.holds.remove(uid);
          const rejected = fileEvent('file.rejected', content.file, { reason: wrong });
          await repositories.events.append(rejected, now);
        });
      } else {
        await settle({ ...dependencies, ingest, destination }, content, digests, context);
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
    throwIfCancelled(signal);
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
    if (!isOsproxyError(error)) throw error;
    // Whoever has a link may read this sentence, but not the digests of the content.
    if (error.code !== 'ChecksumMismatch') return error.message;
    return `The ${error.details.algorithm} of the content is not the one that was declared.`;
  }
}

async function settle(
  dependencies: Settling,
  content: FileContent,
  digests: Digests,
  context: TaskContext,
): Promise<void> {
  const { ids, settings, clock, destination } = dependencies;
  const { uid, manifestId } = content.file;
  const twin = await findTwin(dependencies, content, digests, context.signal);
  if (twin !== undefined) {
    const swapped = await context.commit(async (repositories) => {
      if (!(await repositories.manifests.claim(twin.id))) return false;
      const now = clock.now();
      await swap(repositories, content, { ...twin, md5: twin.md5 ?? digests.md5 }, now);
      await enqueueTransfers(repositories, { ids, settings, now }, twin, destination);
      return true;
    });
    if (swapped) return;
  }
  const joined = await joinUnlessRefused(dependencies, content, context);
  if (joined === undefined) {
    await context.commit(async (repositories) => {
      const now = clock.now();
      if (!(await repositories.files.markVerified(uid, manifestId, digests, now))) return;
      await tellVerified(repositories, content.file, digests, now);
      await enqueueTransfers(repositories, { ids, settings, now }, content, destination);
    });
    return;
  }
  await swapToJoined(dependencies, content, { digests, joined }, context);
}

/** A verified manifest of equal content may replace this one only when all its bytes are there. */
async function findTwin(
  { metadata, stores }: ComposeDependencies,
  { file }: FileContent,
  { sha256 }: Digests,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  const known = await metadata.manifests.findVerified({ sha256 }, file.size);
  const twins = known.filter(({ id }) => id !== file.manifestId);
  return firstReadable({ metadata, stores }, twins, signal);
}

async function tellVerified(
  repositories: MetadataWriter,
  file: FileRecord,
  { sha256, md5 }: Pick<Manifest, 'sha256' | 'md5'>,
  now: number,
): Promise<void> {
  // Whoever is told later that a held file is ready is told then that it is verified.
  if ((await repositories.files.find(file.uid))?.state === 'held') return;
  const verified = { ...file, sha256, md5, verified: true };
  await repositories.events.append(fileEvent('file.verified', verified), now);
}

/** The manifest that is named no more, whichever of the two it is, is left to purge. */
async function swap(
  repositories: MetadataWriter,
  { file }: FileContent,
  to: Manifest,
  now: number,
): Promise<void> {
  const swapped = await repositories.files.swapManifest(file.uid, file.manifestId, to, now);
  await repositories.manifests.markIdle(swapped ? file.manifestId : to.id, now);
  if (swapped) await tellVerified(repositories, file, to, now);
}

/**
 * The content is known to be right by now, and joining only makes reading it cheaper: what the store refuses to join, or fails to join until
 * the last attempt, stays in its parts.
 */
async function joinUnlessRefused(
  dependencies: ComposeDependencies,
  content: FileContent,
  { task, signal, logger }: TaskContext,
): Promise<Placement | undefined> {
  try {
    return await join(dependencies, content, signal);
  } catch (error) {
    throwIfCancelled(signal);
    const failure = toOsproxyError(error);
    if (failure.code === 'NotFound' || failure.code === 'Cancelled') throw error;
    const mayPass = failure.retryable || failure.code === 'Internal';
    if (mayPass && task.attempts < task.maxAttempts) throw error;
    const parts = content.parts.length;
    logger.warn(
      { uid: content.file.uid, parts, err: error },
      'the file stays in its parts: they cannot be joined',
    );
    return undefined;
  }
}

/** Undefined where joining would not pay: one part, parts in several stores, or a store that does not offer it. */
async function join(
  { stores, keys }: ComposeDependencies,
  content: FileContent,
  signal: AbortSignal,
): Promise<Placement | undefined> {
  const [first] = content.parts;
  if (first === undefined || content.parts.length < 2) return undefined;
  for (const { store } of first.placements) {
    const sources = keysIn(store, content, stores);
    const driver = sources === undefined ? undefined : stores.driver(store);
    if (sources === undefined || driver?.compose === undefined) continue;
    const target = stores.newPlacement(keys.next(), store);
    const { size } = await driver.compose(target.key, sources, { signal });
    if (size === content.file.size) return target;
    await driver.delete(target.key).catch(() => {});
    return undefined;
  }
  return undefined;
}

/** The keys of all parts in one store, as far as it can be reached from here; undefined when one is not there. */
function keysIn(store: string, content: FileContent, stores: Stores): string[] | undefined {
  const keys: string[] = [];
  for (const { placements } of content.parts) {
    const placement = placements.find((one) => one.store === store && stores.isNear(one));
    if (placement === undefined) return undefined;
    keys.push(placement.key);
  }
  return keys;
}

async function swapToJoined(
  { ids, ingest, clock, settings, destination }: Settling,
  content: FileContent,
  { digests, joined }: { readonly digests: Digests; readonly joined: Placement },
  context: TaskContext,
): Promise<void> {
  const landed = await ingest.adopt(joined, digests, context.signal);
  await ingest.commit(
    landed,
    async (repositories, settleBytes) => {
      const now = clock.now();
      const { blobId } = await settleBytes();
      const manifest = await manifestOver(repositories, ids, { blobId, ...digests }, now);
      await swap(repositories, content, { ...manifest, md5: manifest.md5 ?? digests.md5 }, now);
      await enqueueTransfers(repositories, { ids, settings, now }, manifest, destination);
    },
    (work) => context.commit(work),
  );
}
