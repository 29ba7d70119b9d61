import type { Placement } from '#core/model/blob.ts';
import type { ContentPart } from '#core/model/file.ts';
import type { Int } from './columns.ts';
import { fromId, optionalText, toNumber } from './convert.ts';
import type { Session } from './session.ts';
import { Statement } from './statement.ts';

const findParts = new Statement(({ build }, p: { manifest: bigint }) =>
  build
    .selectFrom('manifest_parts')
    .leftJoin('placements', 'placements.blob_id', 'manifest_parts.blob_id')
    .select([
      'manifest_parts.seq',
      'manifest_parts.blob_id',
      'manifest_parts.size',
      'placements.store',
      'placements.node',
      'placements.key',
    ])
    .where('manifest_parts.manifest_id', '=', p.manifest)
    .orderBy('manifest_parts.seq')
    .orderBy('placements.id'),
);

interface PlacementColumns {
  readonly store: string | null;
  readonly node: string | null;
  readonly key: string | null;
}

/** The placement of a joined row; undefined when the join found none. */
export function placementOf(row: PlacementColumns): Placement | undefined {
  if (row.store === null || row.key === null) return undefined;
  return { store: row.store, node: optionalText(row.node), key: row.key };
}

/** A manifest's parts in order, each with its placements, oldest placement first. */
export async function contentParts(session: Session, manifest: Int): Promise<readonly ContentPart[]> {
  const rows = await findParts.all(session, { manifest: BigInt(manifest) });
  const parts: ContentPart[] = [];
  let seq: number | undefined;
  let placements: Placement[] = [];
  for (const row of rows) {
    const rowSeq = toNumber(row.seq);
    if (rowSeq !== seq) {
      seq = rowSeq;
      placements = [];
      parts.push({ blobId: fromId(row.blob_id), size: toNumber(row.size), placements });
    }
    const placement = placementOf(row);
    if (placement !== undefined) placements.push(placement);
  }
  return parts;
}
