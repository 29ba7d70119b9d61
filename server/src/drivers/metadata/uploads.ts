import type { Insertable, Selectable } from 'kysely';
import type { Uid } from '#core/model/uid.ts';
import type { PartRecord, UploadRecord, UploadState } from '#core/model/upload.ts';
import type { UploadCommands, UploadQueries } from '#core/ports/metadata/uploads.ts';
import { chunks, fromId, optionalNumber, optionalText, toId, toNumber } from './convert.ts';
import type { UploadPartTable, UploadTable } from './rows.ts';
import type { Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';
import { unique } from './unique.ts';

type Row = Selectable<UploadTable>;
type NewRow = Required<Insertable<UploadTable>>;
type PartRow = Selectable<UploadPartTable>;
type NewPartRow = Required<Insertable<UploadPartTable>>;

const COLUMNS = [
  'uid',
  'owner',
  'name',
  'state',
  'size',
  'md5',
  'sha256',
  'content_type',
  'part_size',
  'store',
  'transfer_to',
  'created_at',
  'expires_at',
  'ended_at',
] as const satisfies readonly (keyof NewRow)[];

const PART_COLUMNS = [
  'upload_uid',
  'number',
  'blob_id',
  'size',
  'md5',
  'sha256',
  'content_type',
  'created_at',
] as const satisfies readonly (keyof NewPartRow)[];

const find = new Statement(({ build }, p: { uid: bigint }) =>
  build.selectFrom('uploads').select(COLUMNS).where('uid', '=', p.uid),
);

const lock = new Statement((dialect, p: { uid: bigint }) =>
  dialect.lockRows(dialect.build.selectFrom('uploads').select(COLUMNS).where('uid', '=', p.uid)),
);

const insert = new Statement(({ build }, p: NewRow) => build.insertInto('uploads').values(pick(p, COLUMNS)));

const findParts = new Statement(({ build }, p: { uid: bigint }) =>
  build.selectFrom('upload_parts').select(PART_COLUMNS).where('upload_uid', '=', p.uid).orderBy('number'),
);

const findPart = new Statement(({ build }, p: { uid: bigint; number: number }) =>
  build
    .selectFrom('upload_parts')
    .select(PART_COLUMNS)
    .where('upload_uid', '=', p.uid)
    .where('number', '=', p.number),
);

const putPart = new Statement((dialect, p: NewPartRow) =>
  dialect.replaceTaken(
    dialect.build.insertInto('upload_parts').values(pick(p, PART_COLUMNS)),
    ['upload_uid', 'number'],
    ['blob_id', 'size', 'md5', 'sha256', 'content_type', 'created_at'],
  ),
);

const end = new Statement(({ build }, p: { uid: bigint; state: UploadState; at: number }) =>
  build
    .updateTable('uploads')
    .set({ state: p.state, ended_at: p.at })
    .where('uid', '=', p.uid)
    .where('state', '=', 'open'),
);

const extend = new Statement(({ build }, p: { uid: bigint; expiresAt: number }) =>
  build
    .updateTable('uploads')
    .set({ expires_at: p.expiresAt })
    .where('uid', '=', p.uid)
    .where('state', '=', 'open'),
);

const findExpired = new Statement(({ build }, p: { now: number; limit: number }) =>
  build
    .selectFrom('uploads')
    .select(COLUMNS)
    .where('state', '=', 'open')
    .where('expires_at', '<=', p.now)
    .orderBy('expires_at')
    .limit(p.limit),
);

const findEnded = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build
    .selectFrom('uploads')
    .select('uid')
    .where('ended_at', '<=', p.cutoff)
    .orderBy('ended_at')
    .limit(p.limit),
);

export class Uploads implements UploadQueries, UploadCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(uid: Uid): Promise<UploadRecord | undefined> {
    const row = await find.first(this.#session, { uid: toId(uid) });
    return row === undefined ? undefined : uploadOf(row);
  }

  async parts(uid: Uid): Promise<readonly PartRecord[]> {
    return (await findParts.all(this.#session, { uid: toId(uid) })).map(partOf);
  }

  async findPart(uid: Uid, number: number): Promise<PartRecord | undefined> {
    const row = await findPart.first(this.#session, { uid: toId(uid), number });
    return row === undefined ? undefined : partOf(row);
  }

  async expired(now: number, limit: number): Promise<readonly UploadRecord[]> {
    return (await findExpired.all(this.#session, { now, limit })).map(uploadOf);
  }

  async insert(upload: UploadRecord): Promise<void> {
    const row: NewRow = {
      uid: toId(upload.uid),
      owner: upload.owner,
      name: upload.name,
      state: upload.state,
      size: upload.size ?? null,
      md5: upload.md5 ?? null,
      sha256: upload.sha256 ?? null,
      content_type: null,
      part_size: upload.partSize,
      store: upload.store ?? null,
      transfer_to: upload.transferTo ?? null,
      created_at: upload.createdAt,
      expires_at: upload.expiresAt,
      ended_at: upload.state === 'open' ? null : (upload.completedAt ?? upload.createdAt),
    };
    await unique(insert.run(this.#session, row), () => `An upload with uid ${upload.uid} exists already.`);
  }

  async lock(uid: Uid): Promise<UploadRecord | undefined> {
    const row = await lock.first(this.#session, { uid: toId(uid) });
    return row === undefined ? undefined : uploadOf(row);
  }

  async putPart(uid: Uid, part: PartRecord): Promise<void> {
    await putPart.run(this.#session, {
      upload_uid: toId(uid),
      number: part.number,
      blob_id: toId(part.blobId),
      size: part.size,
      md5: part.md5 ?? null,
      sha256: part.sha256,
      content_type: part.contentType ?? null,
      created_at: part.createdAt,
    });
  }

  async complete(uid: Uid, at: number): Promise<void> {
    await end.run(this.#session, { uid: toId(uid), state: 'completed', at });
  }

  async abort(uid: Uid, at: number): Promise<void> {
    await end.run(this.#session, { uid: toId(uid), state: 'aborted', at });
  }

  async extend(uid: Uid, expiresAt: number): Promise<void> {
    await extend.run(this.#session, { uid: toId(uid), expiresAt });
  }

  async removeEnded(cutoff: number, limit: number): Promise<number> {
    const { build } = this.#session.dialect;
    const rows = await findEnded.all(this.#session, { cutoff, limit });
    for (const uids of chunks(rows.map((row) => BigInt(row.uid)))) {
      await runQuery(this.#session, build.deleteFrom('upload_parts').where('upload_uid', 'in', uids));
      await runQuery(this.#session, build.deleteFrom('uploads').where('uid', 'in', uids));
    }
    return rows.length;
  }
}

function uploadOf(row: Row): UploadRecord {
  const state = row.state as UploadState;
  return {
    uid: fromId(row.uid),
    owner: row.owner,
    name: row.name,
    state,
    size: optionalNumber(row.size),
    md5: optionalText(row.md5),
    sha256: optionalText(row.sha256),
    partSize: toNumber(row.part_size),
    store: optionalText(row.store),
    transferTo: optionalText(row.transfer_to),
    createdAt: toNumber(row.created_at),
    expiresAt: toNumber(row.expires_at),
    completedAt: state === 'completed' ? optionalNumber(row.ended_at) : undefined,
  };
}

function partOf(row: PartRow): PartRecord {
  return {
    number: toNumber(row.number),
    blobId: fromId(row.blob_id),
    size: toNumber(row.size),
    md5: optionalText(row.md5),
    sha256: row.sha256,
    contentType: optionalText(row.content_type),
    createdAt: toNumber(row.created_at),
  };
}
