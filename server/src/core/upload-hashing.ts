import { throwIfCancelled } from './cancellation.ts';
import type { Downloads } from './downloads.ts';
import type { HashAlgorithm } from './hashing/hash-protocol.ts';
import type { HashWorkers } from './hashing/hash-workers.ts';
import { hashPipeline } from './hashing/pipeline.ts';
import type { ContentPart } from './model/file.ts';
import type { Uid } from './model/uid.ts';
import type { HashedParts, PartRecord } from './model/upload.ts';
import type { Clock } from './ports/clock.ts';
import type { Metadata } from './ports/metadata.ts';
import { type CompleteRequest, checkParts } from './upload-checks.ts';
import { checkAlive } from './upload-state.ts';

export interface PartHashing {
  readonly metadata: Metadata;
  readonly downloads: Downloads;
  readonly workers: HashWorkers;
  readonly clock: Clock;
  readonly md5: 'always' | 'declared';
}

/** Reads the parts of an open upload once. Throws as checkParts does. */
export async function hashParts(
  { metadata, downloads, workers, clock, md5 }: PartHashing,
  uid: Uid,
  request: CompleteRequest,
  { sha1, signal }: { readonly sha1: boolean; readonly signal: AbortSignal | undefined },
): Promise<HashedParts> {
  const upload = checkAlive(await metadata.uploads.find(uid), uid, clock.now());
  const parts = await metadata.uploads.parts(uid);
  const { size } = checkParts(upload, parts, request);
  const withMd5 = md5 === 'always' || (request.md5 ?? upload.md5) !== undefined;
  const algorithms: HashAlgorithm[] = ['sha256', ...(withMd5 ? (['md5'] as const) : [])];
  if (sha1) algorithms.push('sha1');
  const content = { file: { size }, parts: await placed(metadata, parts) };
  const body = await downloads.read(content, undefined, signal);
  const chunks = body.chunks[Symbol.asyncIterator]();
  const pipeline = hashPipeline(new Uint8Array(0), chunks, algorithms, workers);
  for await (const _chunk of pipeline.chunks) throwIfCancelled(signal);
  const hex = await pipeline.digests();
  const digests = { size, sha256: hex.get('sha256') ?? '', md5: hex.get('md5'), sha1: hex.get('sha1') };
  const head = await downloads.readHead(content, signal);
  return { digests, head, blobIds: parts.map((part) => part.blobId) };
}

async function placed(metadata: Metadata, parts: readonly PartRecord[]): Promise<ContentPart[]> {
  const found: ContentPart[] = [];
  for (const { blobId, size } of parts) {
    found.push({ blobId, size, placements: (await metadata.blobs.find(blobId))?.placements ?? [] });
  }
  return found;
}
