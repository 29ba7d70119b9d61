import { randomBytes } from 'node:crypto';
import type { Logger } from '../../server/src/core/ports/logger.ts';
import type { Metadata } from '../../server/src/core/ports/metadata.ts';

const NOW = 1_700_000_000_000;

const none = () => {};
export const quiet: Logger = { debug: none, info: none, warn: none, error: none, child: () => quiet };

let lastId = BigInt(Date.now()) << 22n;

/** What the service writes for a small file: a look for its content, then a row in each table; resolves with the uid. */
export async function recordFile(metadata: Metadata): Promise<string> {
  const [blobId, manifestId, uid] = [newId(), newId(), newId()];
  const sha256 = randomBytes(32).toString('hex');
  const digests = { sha256, md5: sha256.slice(32), size: 4096, createdAt: NOW };
  await metadata.transaction(async (repositories) => {
    await repositories.blobs.findLive(sha256, 4096);
    const placement = { store: 'local', node: undefined, key: `${sha256.slice(0, 2)}/${sha256}` };
    await repositories.blobs.insert({ id: blobId, sha1: undefined, ...digests }, placement);
    const parts = [{ blobId, size: 4096 }];
    await repositories.manifests.insert({
      id: manifestId,
      sha1: undefined,
      verified: true,
      parts,
      ...digests,
    });
    await repositories.files.insert({
      ...{ uid, owner: 'bench', name: `${uid}.bin`, contentType: 'application/octet-stream', state: 'ready' },
      ...{ rejectedReason: undefined, manifestId, generation: 1, linkEpoch: 0, verified: true },
      ...{ updatedAt: NOW, deletedAt: undefined, ...digests },
    });
  });
  return uid;
}

/** Ascending, and above those of everything that was filled in before. */
export function newId(): string {
  lastId += 1n;
  return String(lastId);
}
