import { fileEvent } from './events/facts.ts';
import type { Landed, Settled } from './ingest.ts';
import type { NewEvent } from './model/event.ts';
import type { FileRecord } from './model/file.ts';
import type { Manifest, ManifestPart } from './model/manifest.ts';
import type { Uid } from './model/uid.ts';
import type { IdSource } from './ports/ids.ts';
import type { MetadataWriter } from './ports/metadata.ts';

/**
 * The manifest of landed content that is a whole file: one that is here already and was found readable, or one over the landed blob.
 * Always one whose bytes are there, however many files of the same content lost theirs.
 */
export async function wholeManifest(
  repositories: MetadataWriter,
  ids: IdSource,
  landed: Landed,
  settle: () => Promise<Settled>,
  now: number,
): Promise<Manifest> {
  const { digests, known } = landed;
  if (known !== undefined && (await repositories.manifests.claim(known.id))) {
    return learned(repositories, known, digests.sha1);
  }
  const { blobId, isNew } = await settle();
  const blob = { blobId, ...digests };
  return isNew ? newManifestOver(repositories, ids, blob, now) : manifestOver(repositories, ids, blob, now);
}

interface VerifiedBlob extends Pick<Manifest, 'md5' | 'sha1' | 'size'> {
  readonly blobId: string;
  readonly sha256: string;
}

/** The verified manifest of just this blob: the one that is here, else a new one. */
export async function manifestOver(
  repositories: MetadataWriter,
  ids: IdSource,
  blob: VerifiedBlob,
  now: number,
): Promise<Manifest> {
  const { blobId, sha256, sha1, size } = blob;
  const here = await repositories.manifests.findVerified({ sha256 }, size);
  const known = here.find(({ parts }) => parts.length === 1 && parts[0]?.blobId === blobId);
  if (known !== undefined && (await repositories.manifests.claim(known.id))) {
    return learned(repositories, known, sha1);
  }
  return newManifestOver(repositories, ids, blob, now);
}

/** The SHA-1 of a content becomes known with the first upload for which it was computed. */
async function learned(
  repositories: MetadataWriter,
  manifest: Manifest,
  sha1: string | undefined,
): Promise<Manifest> {
  if (sha1 === undefined || manifest.sha1 !== undefined) return manifest;
  await repositories.manifests.learnSha1(manifest.id, sha1);
  return { ...manifest, sha1 };
}

async function newManifestOver(
  repositories: MetadataWriter,
  ids: IdSource,
  { blobId, sha256, md5, sha1, size }: VerifiedBlob,
  now: number,
): Promise<Manifest> {
  const parts = [{ blobId, size }];
  const manifest = { id: ids.next(), size, sha256, md5, sha1, verified: true, createdAt: now, parts };
  await repositories.manifests.insert(manifest);
  return manifest;
}

/** A manifest over parts whose whole content nobody has hashed yet. */
export function unverifiedManifest(id: string, parts: readonly ManifestPart[], now: number): Manifest {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  return {
    id,
    size,
    sha256: undefined,
    md5: undefined,
    sha1: undefined,
    verified: false,
    createdAt: now,
    parts,
  };
}

/** Who looks at a file before it may be read. */
export interface Holders {
  /** Types of tasks that hold back the file that the event makes ready. */
  holding(ready: NewEvent): readonly string[];
}

/** A file becomes visible, in the transaction that makes it so; returns it as it is from then on: held where somebody has to look at it first. */
export async function insertReady(
  repositories: MetadataWriter,
  file: FileRecord,
  holders: Holders,
): Promise<FileRecord> {
  const ready = fileEvent('file.ready', file);
  const heldBy = holders.holding(ready);
  if (heldBy.length === 0) {
    await repositories.files.insert(file);
    await repositories.events.append(ready, file.createdAt);
    return file;
  }
  const held: FileRecord = { ...file, state: 'held' };
  const { uid, createdAt: since } = held;
  await repositories.files.insert(held);
  for (const type of heldBy) await repositories.holds.insert({ uid, type, since, reason: undefined });
  await repositories.events.append(fileEvent('file.held', held, { heldBy }), since);
  return held;
}

export interface NewFile {
  readonly uid: Uid;
  readonly owner: string;
  readonly name: string;
  readonly contentType: string;
  readonly manifest: Manifest;
  /** What the client declared; used until the manifest is verified. */
  readonly md5: string | undefined;
  readonly sha256: string | undefined;
}

export function readyFile(file: NewFile, now: number): FileRecord {
  const { manifest } = file;
  return {
    uid: file.uid,
    owner: file.owner,
    name: file.name,
    contentType: file.contentType,
    size: manifest.size,
    state: 'ready',
    rejectedReason: undefined,
    manifestId: manifest.id,
    generation: 1,
    linkEpoch: 0,
    md5: manifest.md5 ?? file.md5,
    sha256: manifest.sha256 ?? file.sha256,
    verified: manifest.verified,
    createdAt: now,
    updatedAt: now,
    deletedAt: undefined,
  };
}
