import { type Insertable, sql } from 'kysely';
import type { Blob, PlacedBlob, Placement } from '#core/model/blob.ts';
import type { BlobCommands, BlobQueries } from '#core/ports/metadata/blobs.ts';
import type { Int } from './columns.ts';
import { placementOf } from './content-parts.ts';
import { chunks, fromId, listOf, optionalText, refuseLongList, toId, toNumber } from './convert.ts';
import { lockIdleIn } from './idle.ts';
import type { BlobTable, PlacementTable } from './rows.ts';
import type { Dialect, Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';
import { unique } from './unique.ts';

type NewRow = Required<Insertable<BlobTable>>;
type NewPlacementRow = Required<Omit<Insertable<PlacementTable>, 'id' | 'retired_at'>>;

const COLUMNS = [
  'id',
  'identity',
  'sha256',
  'md5',
  'sha1',
  'size',
  'created_at',
  'idle_since',
] as const satisfies readonly (keyof NewRow)[];

const PLACEMENT_COLUMNS = ['store', 'node', 'key', 'blob_id', 'doomed_at'] as const;

export interface PlacedRow {
  readonly id: Int;
  readonly sha256: string;
  readonly md5: string | null;
  readonly sha1: string | null;
  readonly size: Int;
  readonly created_at: Int;
  readonly store: string | null;
  readonly node: string | null;
  readonly key: string | null;
}

/** Blobs joined with their placements. */
export function selectPlaced({ build }: Dialect) {
  return build
    .selectFrom('blobs')
    .leftJoin('placements', 'placements.blob_id', 'blobs.id')
    .select([
      'blobs.id',
      'blobs.sha256',
      'blobs.md5',
      'blobs.sha1',
      'blobs.size',
      'blobs.created_at',
      'placements.store',
      'placements.node',
      'placements.key',
    ]);
}

const find = new Statement((dialect, p: { id: bigint }) =>
  selectPlaced(dialect).where('blobs.id', '=', p.id).orderBy('placements.id'),
);

const findLive = new Statement((dialect, p: { identity: string }) =>
  selectPlaced(dialect).where('blobs.identity', '=', p.identity).orderBy('placements.id'),
);

const findCondemned = new Statement(({ build }, p: { after: bigint; limit: number }) =>
  build
    .selectFrom('blobs')
    .select('id')
    .where('identity', 'is', null)
    .where('id', '>', p.after)
    .orderBy('id')
    .limit(p.limit),
);

const scanLive = new Statement(({ build }, p: { after: bigint; limit: number }) =>
  build
    .selectFrom('blobs')
    .select('id')
    .where('id', '>', p.after)
    .where('identity', 'is not', null)
    .orderBy('id')
    .limit(p.limit),
);

const insert = new Statement(({ build }, p: NewRow) => build.insertInto('blobs').values(pick(p, COLUMNS)));

const insertPlacement = new Statement(({ build }, p: NewPlacementRow) =>
  build.insertInto('placements').values(pick(p, PLACEMENT_COLUMNS)),
);

const claim = new Statement(({ build }, p: { id: bigint }) =>
  build
    .updateTable('blobs')
    .set({ idle_since: null })
    .where('id', '=', p.id)
    .where('identity', 'is not', null),
);

const removePlacement = new Statement(({ build }, p: { id: bigint; store: string; key: string }) =>
  build
    .deleteFrom('placements')
    .where('store', '=', p.store)
    .where('key', '=', p.key)
    .where('blob_id', '=', p.id),
);

const lockIdle = lockIdleIn('blobs');

const doom = new Statement((dialect, p: NewPlacementRow) =>
  dialect.skipTaken(dialect.build.insertInto('placements').values(pick(p, PLACEMENT_COLUMNS)), [
    'store',
    'key',
  ]),
);

const doomAgain = new Statement(({ build }, p: { store: string; key: string; at: number }) =>
  build
    .updateTable('placements')
    .set({ doomed_at: p.at })
    .where('store', '=', p.store)
    .where('key', '=', p.key)
    .where('blob_id', 'is', null),
);

const findDoomed = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build
    .selectFrom('placements')
    .select('id')
    .where('doomed_at', '<=', p.cutoff)
    .orderBy('doomed_at')
    .limit(p.limit),
);

export class Blobs implements BlobQueries, BlobCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async findLive(sha256: string, size: number): Promise<PlacedBlob | undefined> {
    return placedBlobs(await findLive.all(this.#session, { identity: `${sha256}:${size}` }))[0];
  }

  async find(id: string): Promise<PlacedBlob | undefined> {
    return placedBlobs(await find.all(this.#session, { id: toId(id) }))[0];
  }

  async knownKeys(store: string, keys: readonly string[]): Promise<ReadonlySet<string>> {
    refuseLongList(keys, 'keys');
    if (keys.length === 0) return new Set();
    const query = this.#session.dialect.build
      .selectFrom('placements')
      .select('key')
      .where('store', '=', store)
      .where('key', 'in', listOf(keys))
      // A doomed key whose bytes are listed was not deleted before its process ended: they must be found again.
      .where((eb) => eb.or([eb('blob_id', 'is not', null), eb('retired_at', 'is not', null)]));
    return new Set((await runQuery(this.#session, query)).rows.map((row) => row.key));
  }

  async condemned(after: string | undefined, limit: number): Promise<readonly PlacedBlob[]> {
    const from = after === undefined ? 0n : toId(after);
    return this.#findAll(await findCondemned.all(this.#session, { after: from, limit }));
  }

  async scan(after: string | undefined, limit: number): Promise<readonly PlacedBlob[]> {
    const from = after === undefined ? 0n : toId(after);
    return this.#findAll(await scanLive.all(this.#session, { after: from, limit }));
  }

  async insert(blob: Blob, placement: Placement): Promise<void> {
    const row: NewRow = {
      id: toId(blob.id),
      identity: `${blob.sha256}:${blob.size}`,
      sha256: blob.sha256,
      md5: blob.md5 ?? null,
      sha1: blob.sha1 ?? null,
      size: blob.size,
      created_at: blob.createdAt,
      idle_since: null,
    };
    await unique(
      insert.run(this.#session, row),
      () => `A live blob of this content, or a blob with id ${blob.id}, exists already.`,
    );
    await this.addPlacement(blob.id, placement);
  }

  async claim(id: string): Promise<boolean> {
    return (await claim.run(this.#session, { id: toId(id) })) > 0;
  }

  async addPlacement(id: string, placement: Placement): Promise<void> {
    const row = placementRow(placement, toId(id), null);
    await unique(
      insertPlacement.run(this.#session, row),
      () => `The place of blob ${id} in store "${placement.store}" is taken or about to be cleaned.`,
    );
  }

  async removePlacement(id: string, placement: Placement): Promise<void> {
    await removePlacement.run(this.#session, {
      id: toId(id),
      store: placement.store,
      key: placement.key,
    });
  }

  /** A later mark wins: the grace time runs from the last reference that went away. */
  async markIdle(ids: readonly string[], at: number): Promise<void> {
    const { build } = this.#session.dialect;
    for (const list of chunks(ids.map(toId))) {
      const query = build
        .updateTable('blobs')
        .set({ idle_since: at })
        .where('id', 'in', list)
        .where('identity', 'is not', null)
        .where((eb) => eb.or([eb('idle_since', 'is', null), eb('idle_since', '<', at)]));
      await runQuery(this.#session, query);
    }
  }

  async condemnIdle(
    cutoff: number,
    limit: number,
  ): Promise<{ looked: number; condemned: readonly PlacedBlob[] }> {
    const { build } = this.#session.dialect;
    const idle = await lockIdle.all(this.#session, { cutoff, limit });
    const condemned: { id: Int }[] = [];
    for (const list of chunks(idle.map((row) => BigInt(row.id)))) {
      const named = await this.#named(list);
      const free = [...new Set(list)].filter((id) => !named.has(fromId(id)));
      if (named.size > 0) {
        const kept = listOf([...named].map(toId));
        await runQuery(
          this.#session,
          build.updateTable('blobs').set({ idle_since: null }).where('id', 'in', kept),
        );
      }
      if (free.length === 0) continue;
      const condemn = build
        .updateTable('blobs')
        .set({ identity: null, idle_since: null })
        .where('id', 'in', listOf(free));
      await runQuery(this.#session, condemn);
      condemned.push(...free.map((id) => ({ id })));
    }
    return { looked: idle.length, condemned: await this.#findAll(condemned) };
  }

  async remove(ids: readonly string[]): Promise<void> {
    const { build } = this.#session.dialect;
    for (const list of chunks(ids.map(toId))) {
      const query = build
        .selectFrom('blobs')
        .select('id')
        .where('id', 'in', list)
        .where('identity', 'is', null);
      const rows = (await runQuery(this.#session, query)).rows;
      if (rows.length === 0) continue;
      const condemned = listOf(rows.map((row) => BigInt(row.id)));
      await runQuery(this.#session, build.deleteFrom('placements').where('blob_id', 'in', condemned));
      await runQuery(this.#session, build.deleteFrom('blobs').where('id', 'in', condemned));
    }
  }

  async doom(store: string, key: string, at: number): Promise<boolean> {
    const row = placementRow({ store, node: undefined, key }, null, at);
    if ((await doom.run(this.#session, row)) > 0) return true;
    return (await doomAgain.run(this.#session, { store, key, at })) > 0;
  }

  async forgetDoomed(cutoff: number, limit: number): Promise<number> {
    const { build } = this.#session.dialect;
    const rows = await findDoomed.all(this.#session, { cutoff, limit });
    for (const ids of chunks(rows.map((row) => BigInt(row.id)))) {
      await runQuery(this.#session, build.deleteFrom('placements').where('id', 'in', ids));
    }
    return rows.length;
  }

  /** Which of these blobs a manifest, a part of an open upload or a rendition names. */
  async #named(ids: readonly bigint[]): Promise<ReadonlySet<string>> {
    const { build } = this.#session.dialect;
    const query = build
      .selectFrom('blobs')
      .select('id')
      .where('id', 'in', ids)
      .where((eb) =>
        eb.or([
          eb.exists(
            eb
              .selectFrom('manifest_parts')
              .select(sql`1`.as('one'))
              .whereRef('manifest_parts.blob_id', '=', 'blobs.id'),
          ),
          eb.exists(
            eb
              .selectFrom('upload_parts')
              .innerJoin('uploads', 'uploads.uid', 'upload_parts.upload_uid')
              .select(sql`1`.as('one'))
              .whereRef('upload_parts.blob_id', '=', 'blobs.id')
              .where('uploads.state', '=', 'open'),
          ),
          eb.exists(
            eb
              .selectFrom('renditions')
              .select(sql`1`.as('one'))
              .whereRef('renditions.blob_id', '=', 'blobs.id'),
          ),
        ]),
      );
    return new Set((await runQuery(this.#session, query)).rows.map((row) => fromId(row.id)));
  }

  /** The blobs with their placements, in the order of `rows`. */
  async #findAll(rows: readonly { id: Int }[]): Promise<readonly PlacedBlob[]> {
    const found = new Map<string, PlacedBlob>();
    for (const ids of chunks(rows.map((row) => BigInt(row.id)))) {
      const query = selectPlaced(this.#session.dialect)
        .where('blobs.id', 'in', ids)
        .orderBy('blobs.id')
        .orderBy('placements.id');
      for (const blob of placedBlobs((await runQuery(this.#session, query)).rows)) found.set(blob.id, blob);
    }
    return rows.map((row) => found.get(fromId(row.id))).filter((blob) => blob !== undefined);
  }
}

function placementRow(placement: Placement, blob: bigint | null, doomedAt: number | null): NewPlacementRow {
  const { store, key } = placement;
  return { store, node: placement.node ?? null, key, blob_id: blob, doomed_at: doomedAt };
}

/** Groups joined rows, which come with the rows of one blob next to each other. */
export function placedBlobs(rows: readonly PlacedRow[]): readonly PlacedBlob[] {
  const blobs: PlacedBlob[] = [];
  let placements: Placement[] = [];
  for (const row of rows) {
    const id = fromId(row.id);
    if (blobs.at(-1)?.id !== id) {
      placements = [];
      blobs.push({
        id,
        sha256: row.sha256,
        md5: optionalText(row.md5),
        sha1: optionalText(row.sha1),
        size: toNumber(row.size),
        createdAt: toNumber(row.created_at),
        placements,
      });
    }
    const placement = placementOf(row);
    if (placement !== undefined) placements.push(placement);
  }
  return blobs;
}
