import { throwIfCancelled } from './cancellation.ts';
import type { PlacedBlob, Placement } from './model/blob.ts';
import type { Manifest } from './model/manifest.ts';
import type { Metadata } from './ports/metadata.ts';
import type { Stores } from './stores.ts';

/** Parts looked at in the stores at once. */
const AT_ONCE = 8;

interface StoredBytes {
  readonly size: number;
  readonly placements: readonly Placement[];
}

/** True when a store answers now, here or on another node, that it has an object of the right size for one of the placements. */
async function isReadable(
  stores: Stores,
  { size, placements }: StoredBytes,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const reachable = placements.filter((placement) => stores.isReachable(placement));
  const near = reachable.filter((placement) => stores.isNear(placement));
  for (const placement of [...near, ...reachable.filter((one) => !near.includes(one))]) {
    const stat = await stores
      .at(placement)
      .stat(placement.key, { signal })
      .catch(() => undefined);
    throwIfCancelled(signal);
    if (stat?.size === size) return true;
  }
  return false;
}

/** As isReadable, and nothing is known to be wrong with the bytes. */
export async function isGood(
  { metadata, stores }: { readonly metadata: Metadata; readonly stores: Stores },
  blob: PlacedBlob,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (!(await isReadable(stores, blob, signal))) return false;
  return (await metadata.scrubs.lost(blob.id)).length === 0;
}

/** The first of these manifests that isWholeReadable. */
export async function firstReadable(
  where: { readonly metadata: Metadata; readonly stores: Stores },
  manifests: readonly Manifest[],
  signal: AbortSignal | undefined,
  sure?: string,
): Promise<Manifest | undefined> {
  for (const manifest of manifests) {
    if (await isWholeReadable(where, manifest, signal, sure)) return manifest;
  }
  return undefined;
}

/** As isReadable, for every blob that the manifest names; those in `sure` are not asked for again. */
async function isWholeReadable(
  { metadata, stores }: { readonly metadata: Metadata; readonly stores: Stores },
  manifest: Manifest,
  signal: AbortSignal | undefined,
  sure?: string,
): Promise<boolean> {
  const ids = [...new Set(manifest.parts.map((part) => part.blobId))].filter((id) => id !== sure);
  for (let start = 0; start < ids.length; start += AT_ONCE) {
    const readable = await Promise.all(
      ids.slice(start, start + AT_ONCE).map(async (id) => {
        const blob = await metadata.blobs.find(id);
        return blob !== undefined && isGood({ metadata, stores }, blob, signal);
      }),
    );
    if (readable.includes(false)) return false;
  }
  return true;
}
