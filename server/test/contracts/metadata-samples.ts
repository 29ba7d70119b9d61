import { createHash } from 'node:crypto';
import type { Blob, Placement } from '#core/model/blob.ts';
import type { FileRecord } from '#core/model/file.ts';
import type { LinkRecord } from '#core/model/link.ts';
import type { Manifest } from '#core/model/manifest.ts';
import type { ServiceKey } from '#core/model/principal.ts';
import type { Share } from '#core/model/share.ts';
import type { NewTask } from '#core/model/task.ts';
import type { PartRecord, UploadRecord } from '#core/model/upload.ts';
import type { Metadata, MetadataWriter } from '#core/ports/metadata.ts';

/** The time that samples are from. */
export const NOW = 1_700_000_000_000;

let last = BigInt(Date.now()) << 22n;

/** Ascending ids of 63 bits, beyond what a double holds; processes that start a millisecond apart make different ones. */
export function newId(): string {
  last += 1n;
  return String(last);
}

export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function md5Of(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

export function sampleFile(values: Partial<FileRecord> = {}): FileRecord {
  return {
    uid: newId(),
    owner: 'owner',
    name: 'report.pdf',
    contentType: 'application/pdf',
    size: 0,
    state: 'ready',
    rejectedReason: undefined,
    manifestId: newId(),
    generation: 1,
    linkEpoch: 0,
    md5: undefined,
    sha256: undefined,
    verified: false,
    createdAt: NOW,
    updatedAt: NOW,
    deletedAt: undefined,
    ...values,
  };
}

export function sampleUpload(values: Partial<UploadRecord> = {}): UploadRecord {
  return {
    uid: newId(),
    owner: 'owner',
    name: 'film.mkv',
    state: 'open',
    size: undefined,
    md5: undefined,
    sha256: undefined,
    partSize: 8_388_608,
    store: undefined,
    transferTo: undefined,
    createdAt: NOW,
    expiresAt: NOW + 1000,
    completedAt: undefined,
    ...values,
  };
}

export function samplePart(values: Partial<PartRecord> = {}): PartRecord {
  return {
    number: 1,
    blobId: newId(),
    size: 10,
    md5: undefined,
    sha256: sha256Of('part'),
    contentType: 'application/x-own',
    createdAt: NOW,
    ...values,
  };
}

export function sampleBlob(values: Partial<Blob> = {}): Blob {
  const id = newId();
  return { id, sha256: sha256Of(id), md5: undefined, sha1: undefined, size: 10, createdAt: NOW, ...values };
}

export function samplePlacement(values: Partial<Placement> = {}): Placement {
  return { store: 'main', node: undefined, key: `ab/${newId()}`, ...values };
}

export function sampleManifest(blobs: readonly Blob[], values: Partial<Manifest> = {}): Manifest {
  return {
    id: newId(),
    size: blobs.reduce((size, blob) => size + blob.size, 0),
    sha256: undefined,
    md5: undefined,
    sha1: undefined,
    verified: false,
    createdAt: NOW,
    parts: blobs.map((blob) => ({ blobId: blob.id, size: blob.size })),
    ...values,
  };
}

export function sampleLink(values: Partial<LinkRecord> = {}): LinkRecord {
  return {
    id: `link-${newId()}`,
    uid: newId(),
    owner: 'owner',
    scope: 'read',
    disposition: 'attachment',
    expiresAt: NOW + 1000,
    maxUses: undefined,
    uses: 0,
    createdAt: NOW,
    revokedAt: undefined,
    ...values,
  };
}

export function sampleKey(values: Partial<ServiceKey> = {}): ServiceKey {
  return {
    id: `key-${newId()}`,
    name: 'backend',
    owner: 'owner',
    scopes: ['read', 'write'],
    secretHash: sha256Of('secret'),
    createdAt: NOW,
    expiresAt: undefined,
    revokedAt: undefined,
    lastUsedAt: undefined,
    ...{ store: undefined, namePrefix: undefined, former: undefined },
    ...{ lastUsedFrom: undefined, rotatedAt: undefined },
    ...values,
  };
}

export function sampleTask(values: Partial<NewTask> = {}): NewTask {
  return { type: 'compose', key: newId(), payload: { n: 1 }, maxAttempts: 3, ...values };
}

/** One file of one blob, all in one transaction. */
export async function putFile(
  metadata: Metadata,
  values: Partial<FileRecord> = {},
  content = newId(),
): Promise<{ file: FileRecord; manifest: Manifest; blob: Blob; placement: Placement }> {
  const blob = sampleBlob({ sha256: sha256Of(content), md5: md5Of(content) });
  const digests = { sha256: blob.sha256, md5: blob.md5, verified: true };
  const manifest = sampleManifest([blob], digests);
  const file = sampleFile({ manifestId: manifest.id, size: blob.size, ...digests, ...values });
  const placement = samplePlacement();
  await metadata.transaction(async ({ blobs, manifests, files }) => {
    await blobs.insert(blob, placement);
    await manifests.insert(manifest);
    await files.insert(file);
  });
  return { file, manifest, blob, placement };
}

/** One command in a transaction of its own. */
export function write<T>(metadata: Metadata, work: (repositories: MetadataWriter) => Promise<T>): Promise<T> {
  return metadata.transaction(work);
}

export function sampleShare(values: Partial<Share> = {}): Share {
  return {
    id: newId(),
    userId: newId(),
    entryId: newId(),
    key: newId(),
    permission: 'download',
    label: undefined,
    password: undefined,
    passwordEpoch: 0,
    expiresAt: undefined,
    maxDownloads: undefined,
    downloads: 0,
    maxUploads: undefined,
    maxUploadBytes: undefined,
    uploads: 0,
    createdAt: NOW,
    updatedAt: NOW,
    lastUsedAt: undefined,
    ...values,
  };
}
