import type { Insertable, Selectable } from 'kysely';
import type { FileMatch, MoveFailure, MoveRecord, MoveState } from '#core/model/move.ts';
import type { MoveCommands, MoveQueries } from '#core/ports/metadata/moves.ts';
import { fromId, optionalNumber, toId, toNumber } from './convert.ts';
import type { MoveTable } from './rows.ts';
import type { Session } from './session.ts';
import { pick, Statement } from './statement.ts';

type Row = Selectable<MoveTable>;
type NewRow = Required<Insertable<MoveTable>>;

const FIXED = [
  'id',
  'from_store',
  'to_store',
  'match',
  'bytes_per_second',
  'last_blob',
  'created_at',
] as const;
const CHANGING = [
  'state',
  'run',
  'after_blob',
  'total_files',
  'total_blobs',
  'total_bytes',
  'done_files',
  'done_blobs',
  'done_bytes',
  'failed_blobs',
  'updated_at',
  'ended_at',
] as const;
const COLUMNS = [...FIXED, ...CHANGING] as const satisfies readonly (keyof NewRow)[];

const TURN = 'moves/insert';

const find = new Statement(({ build }, p: { id: bigint }) =>
  build.selectFrom('moves').select(COLUMNS).where('id', '=', p.id),
);

const lock = new Statement((dialect, p: { id: bigint }) =>
  dialect.lockRows(dialect.build.selectFrom('moves').select(COLUMNS).where('id', '=', p.id)),
);

const list = new Statement(({ build }, p: { limit: number }) =>
  build.selectFrom('moves').select(COLUMNS).orderBy('id', 'desc').limit(p.limit),
);

const insert = new Statement(({ build }, p: NewRow) => build.insertInto('moves').values(pick(p, COLUMNS)));

const reserveTurn = new Statement((dialect, p: { name: string }) =>
  dialect.skipTaken(
    dialect.build
      .insertInto('leases')
      .values({ name: p.name, holder: null, fence: 0, expires_at: 0, value: 0 }),
    ['name'],
  ),
);

/** A row that every new move writes, so that of two whose makers saw no other one is run again and sees it. */
const takeTurn = new Statement(({ build }, p: { name: string }) =>
  build
    .updateTable('leases')
    .set((eb) => ({ value: eb('value', '+', 1) }))
    .where('name', '=', p.name),
);

const save = new Statement(({ build }, p: NewRow) =>
  build.updateTable('moves').set(pick(p, CHANGING)).where('id', '=', p.id),
);

const findFailures = new Statement(({ build }, p: { id: bigint; limit: number }) =>
  build
    .selectFrom('move_failures')
    .select(['blob_id', 'reason', 'at'])
    .where('move_id', '=', p.id)
    .orderBy('blob_id', 'desc')
    .limit(p.limit),
);

const findFailure = new Statement(({ build }, p: { id: bigint; blob: bigint }) =>
  build
    .selectFrom('move_failures')
    .select('blob_id')
    .where('move_id', '=', p.id)
    .where('blob_id', '=', p.blob),
);

const putFailure = new Statement(
  (dialect, p: { move_id: bigint; blob_id: bigint; reason: string; at: number }) =>
    dialect.replaceTaken(
      dialect.build
        .insertInto('move_failures')
        .values({ move_id: p.move_id, blob_id: p.blob_id, reason: p.reason, at: p.at }),
      ['move_id', 'blob_id'],
      ['reason', 'at'],
    ),
);

const clearFailures = new Statement(({ build }, p: { id: bigint }) =>
  build.deleteFrom('move_failures').where('move_id', '=', p.id),
);

export class Moves implements MoveQueries, MoveCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(id: string): Promise<MoveRecord | undefined> {
    const row = await find.first(this.#session, { id: toId(id) });
    return row === undefined ? undefined : moveOf(row);
  }

  async list(limit: number): Promise<readonly MoveRecord[]> {
    return (await list.all(this.#session, { limit })).map(moveOf);
  }

  async failures(id: string, limit: number): Promise<readonly MoveFailure[]> {
    const rows = await findFailures.all(this.#session, { id: toId(id), limit });
    return rows.map((row) => ({
      blobId: fromId(row.blob_id),
      reason: row.reason,
      at: toNumber(row.at),
    }));
  }

  async insert(move: MoveRecord): Promise<void> {
    await reserveTurn.run(this.#session, { name: TURN });
    await takeTurn.run(this.#session, { name: TURN });
    await insert.run(this.#session, rowOf(move));
  }

  async lock(id: string): Promise<MoveRecord | undefined> {
    const row = await lock.first(this.#session, { id: toId(id) });
    return row === undefined ? undefined : moveOf(row);
  }

  async save(move: MoveRecord): Promise<void> {
    await save.run(this.#session, rowOf(move));
  }

  async putFailure(id: string, failure: MoveFailure): Promise<boolean> {
    const key = { id: toId(id), blob: toId(failure.blobId) };
    const known = await findFailure.first(this.#session, key);
    const { reason, at } = failure;
    await putFailure.run(this.#session, { move_id: key.id, blob_id: key.blob, reason, at });
    return known === undefined;
  }

  async clearFailures(id: string): Promise<void> {
    await clearFailures.run(this.#session, { id: toId(id) });
  }
}

function moveOf(row: Row): MoveRecord {
  const { total_files: files, total_blobs: blobs, total_bytes: bytes } = row;
  const counted = files !== null && blobs !== null && bytes !== null;
  return {
    id: fromId(row.id),
    from: row.from_store,
    to: row.to_store,
    match: JSON.parse(row.match) as FileMatch,
    bytesPerSecond: optionalNumber(row.bytes_per_second),
    state: row.state as MoveState,
    run: toNumber(row.run),
    lastBlob: fromId(row.last_blob),
    afterBlob: row.after_blob === null ? undefined : fromId(row.after_blob),
    total: counted ? { files: toNumber(files), blobs: toNumber(blobs), bytes: toNumber(bytes) } : undefined,
    done: {
      files: toNumber(row.done_files),
      blobs: toNumber(row.done_blobs),
      bytes: toNumber(row.done_bytes),
    },
    failedBlobs: toNumber(row.failed_blobs),
    createdAt: toNumber(row.created_at),
    updatedAt: toNumber(row.updated_at),
    endedAt: optionalNumber(row.ended_at),
  };
}

function rowOf(move: MoveRecord): NewRow {
  return {
    id: toId(move.id),
    from_store: move.from,
    to_store: move.to,
    match: JSON.stringify(move.match),
    bytes_per_second: move.bytesPerSecond ?? null,
    state: move.state,
    run: move.run,
    last_blob: toId(move.lastBlob),
    after_blob: move.afterBlob === undefined ? null : toId(move.afterBlob),
    total_files: move.total?.files ?? null,
    total_blobs: move.total?.blobs ?? null,
    total_bytes: move.total?.bytes ?? null,
    done_files: move.done.files,
    done_blobs: move.done.blobs,
    done_bytes: move.done.bytes,
    failed_blobs: move.failedBlobs,
    created_at: move.createdAt,
    updated_at: move.updatedAt,
    ended_at: move.endedAt ?? null,
  };
}
