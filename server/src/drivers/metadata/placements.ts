import type { PlacedBlob, Placement } from '#core/model/blob.ts';
import type {
  Naming,
  PlacementCommands,
  PlacementQueries,
  StoreUsage,
} from '#core/ports/metadata/placements.ts';
import { Blobs, placedBlobs, selectPlaced } from './blobs.ts';
import type { Int } from './columns.ts';
import { chunks, fromId, listOf, optionalText, refuseLongList, toId, toNumber } from './convert.ts';
import type { Session } from './session.ts';
import { runQuery, Statement } from './statement.ts';

/** Less than every id. */
const NO_ID = 0n;

const findIn = new Statement(
  ({ build, readBy }, p: { store: string; after: bigint; last: bigint; limit: number }) =>
    build
      .selectFrom(readBy('placements', 'placements_store_blob_id'))
      .innerJoin('blobs', 'blobs.id', 'placements.blob_id')
      .select('placements.blob_id as id')
      .distinct()
      .where('placements.store', '=', p.store)
      .where('placements.blob_id', '>', p.after)
      .where('placements.blob_id', '<=', p.last)
      .where('blobs.identity', 'is not', null)
      .orderBy('placements.blob_id')
      .limit(p.limit),
);

/** In the order of an index that has only retired rows; `at` and `id` say where the page before ended. */
const findRetired = new Statement(({ build }, p: { cutoff: number; at: number; id: bigint; limit: number }) =>
  build
    .selectFrom('placements')
    .select(['id', 'store', 'node', 'key', 'retired_at'])
    .where('retired_at', '<=', p.cutoff)
    .where('retired_at', '>=', p.at)
    .where((eb) => eb.or([eb('retired_at', '>', p.at), eb('id', '>', p.id)]))
    .orderBy('retired_at')
    .orderBy('id')
    .limit(p.limit),
);

const usagePage = new Statement(({ build }, p: { after: bigint; limit: number }) =>
  build
    .selectFrom('placements')
    .leftJoin('blobs', 'blobs.id', 'placements.blob_id')
    .select(['placements.id', 'placements.store', 'placements.blob_id', 'blobs.size'])
    .where('placements.id', '>', p.after)
    .orderBy('placements.id')
    .limit(p.limit),
);

const lockLive = new Statement((dialect, p: { id: bigint }) =>
  dialect.lockRows(
    dialect.build.selectFrom('blobs').select('id').where('id', '=', p.id).where('identity', 'is not', null),
  ),
);

const retire = new Statement(({ build }, p: { id: bigint; store: string; key: string; at: number }) =>
  build
    .updateTable('placements')
    .set({ blob_id: null, retired_at: p.at })
    .where('store', '=', p.store)
    .where('key', '=', p.key)
    .where('blob_id', '=', p.id),
);

const forgetRetired = new Statement(({ build }, p: { store: string; key: string; at: number }) =>
  build
    .updateTable('placements')
    .set({ retired_at: null, doomed_at: p.at })
    .where('store', '=', p.store)
    .where('key', '=', p.key)
    .where('blob_id', 'is', null),
);

export class Placements implements PlacementQueries, PlacementCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async blobsIn(
    store: string,
    after: string | undefined,
    last: string,
    limit: number,
  ): Promise<readonly PlacedBlob[]> {
    const from = after === undefined ? NO_ID : toId(after);
    const rows = await findIn.all(this.#session, { store, after: from, last: toId(last), limit });
    const found: PlacedBlob[] = [];
    for (const ids of chunks(rows.map((row) => BigInt(row.id as Int)))) {
      const query = selectPlaced(this.#session.dialect)
        .where('blobs.id', 'in', ids)
        .orderBy('blobs.id')
        .orderBy('placements.id');
      found.push(...placedBlobs((await runQuery(this.#session, query)).rows));
    }
    return found;
  }

  async naming(blobIds: readonly string[]): Promise<readonly Naming[]> {
    refuseLongList(blobIds, 'blob ids');
    if (blobIds.length === 0) return [];
    const query = this.#session.dialect.build
      .selectFrom('manifest_parts')
      .innerJoin('files', 'files.manifest_id', 'manifest_parts.manifest_id')
      .select(['manifest_parts.blob_id', 'files.uid', 'files.name', 'files.owner', 'files.size'])
      .select((eb) => eb.fn.min('manifest_parts.seq').as('seq'))
      .where('manifest_parts.blob_id', 'in', listOf(blobIds.map(toId)))
      .where('files.state', 'in', ['ready', 'held'])
      .groupBy(['manifest_parts.blob_id', 'files.uid', 'files.name', 'files.owner', 'files.size']);
    const { rows } = await runQuery(this.#session, query);
    return rows.map((row) => ({
      blobId: fromId(row.blob_id),
      uid: fromId(row.uid),
      first: toNumber(row.seq) === 0,
      name: row.name,
      owner: row.owner,
      size: toNumber(row.size),
    }));
  }

  async usage(
    after: string | undefined,
    limit: number,
  ): Promise<{ readonly stores: readonly StoreUsage[]; readonly next: string | undefined }> {
    const from = after === undefined ? NO_ID : toId(after);
    const rows = await usagePage.all(this.#session, { after: from, limit });
    const sums = new Map<string, { objects: number; bytes: number }>();
    for (const { store, blob_id: blob, size } of rows) {
      if (blob === null || size === null) continue;
      const sum = sums.get(store) ?? { objects: 0, bytes: 0 };
      sums.set(store, { objects: sum.objects + 1, bytes: sum.bytes + toNumber(size) });
    }
    const last = rows.length === limit ? rows.at(-1)?.id : undefined;
    return {
      stores: [...sums].map(([store, sum]) => ({ store, ...sum })),
      next: last === undefined ? undefined : fromId(last),
    };
  }

  async retired(
    cutoff: number,
    after: string | undefined,
    limit: number,
  ): Promise<readonly (Placement & { readonly position: string })[]> {
    const [at = '0', id = '0'] = after?.split('/') ?? [];
    const page = { cutoff, at: Number(at), id: toId(id), limit };
    const rows = await findRetired.all(this.#session, page);
    return rows.map((row) => ({
      store: row.store,
      node: optionalText(row.node),
      key: row.key,
      position: `${row.retired_at}/${fromId(row.id)}`,
    }));
  }

  /** The lock on the blob's row keeps it from being condemned, or relocated by somebody else, at the same moment. */
  async relocate(id: string, from: Placement, to: Placement | undefined, at: number): Promise<boolean> {
    const blob = toId(id);
    if ((await lockLive.first(this.#session, { id: blob })) === undefined) return false;
    const { store, key } = from;
    if ((await retire.run(this.#session, { id: blob, store, key, at })) === 0) return false;
    if (to !== undefined) await new Blobs(this.#session).addPlacement(id, to);
    return true;
  }

  async forgetRetired(store: string, key: string, at: number): Promise<void> {
    await forgetRetired.run(this.#session, { store, key, at });
  }
}
