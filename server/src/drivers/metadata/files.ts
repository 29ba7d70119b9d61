import { type Insertable, type Selectable, sql } from 'kysely';
import { OsproxyError } from '#core/errors.ts';
import type { FileContent, FileRecord, FileState } from '#core/model/file.ts';
import type { Manifest } from '#core/model/manifest.ts';
import type { Uid } from '#core/model/uid.ts';
import type { FileCommands, FilePageQuery, FileQueries } from '#core/ports/metadata/files.ts';
import { contentParts } from './content-parts.ts';
import {
  chunks,
  fromId,
  listOf,
  optionalNumber,
  optionalText,
  refuseLongList,
  toId,
  toNumber,
} from './convert.ts';
import type { FileTable } from './rows.ts';
import type { Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';
import { unique } from './unique.ts';

const LISTED: FileState[] = ['ready', 'held', 'rejected'];
/** Their bytes are kept. */
const COMPLETE: FileState[] = ['ready', 'held'];
const CONTENT_ATTEMPTS = 3;
const ROWS_AT_ONCE = 500;

type Row = Selectable<FileTable>;
type NewRow = Required<Insertable<FileTable>>;

const COLUMNS = [
  'uid',
  'owner',
  'name',
  'content_type',
  'size',
  'state',
  'rejected_reason',
  'manifest_id',
  'generation',
  'link_epoch',
  'md5',
  'sha256',
  'verified',
  'created_at',
  'updated_at',
  'deleted_at',
] as const satisfies readonly (keyof NewRow)[];

const find = new Statement(({ build }, p: { uid: bigint }) =>
  build.selectFrom('files').select(COLUMNS).where('uid', '=', p.uid),
);

const lock = new Statement((dialect, p: { uid: bigint }) =>
  dialect.lockRows(dialect.build.selectFrom('files').select(COLUMNS).where('uid', '=', p.uid)),
);

const release = new Statement(({ build }, p: { uid: bigint; at: number }) =>
  build
    .updateTable('files')
    .set({ state: 'ready', updated_at: p.at })
    .where('uid', '=', p.uid)
    .where('state', '=', 'held'),
);

const insert = new Statement(({ build }, p: NewRow) => build.insertInto('files').values(pick(p, COLUMNS)));

const rename = new Statement(({ build }, p: { uid: bigint; name: string; contentType: string; at: number }) =>
  build
    .updateTable('files')
    .set({ name: p.name, content_type: p.contentType, updated_at: p.at })
    .where('uid', '=', p.uid),
);

const markDeleted = new Statement(({ build }, p: { uid: bigint; at: number }) =>
  build
    .updateTable('files')
    .set({ state: 'deleted', deleted_at: p.at, updated_at: p.at })
    .where('uid', '=', p.uid)
    .where('state', 'in', LISTED),
);

interface Swap {
  readonly uid: bigint;
  readonly from: bigint;
  readonly to: bigint;
  readonly sha256: string | null;
  readonly md5: string | null;
  readonly verified: number;
  readonly at: number;
}

const swap = new Statement(({ build }, p: Swap) =>
  build
    .updateTable('files')
    .set({ manifest_id: p.to, sha256: p.sha256, md5: p.md5, verified: p.verified, updated_at: p.at })
    .where('uid', '=', p.uid)
    .where('state', 'in', COMPLETE)
    .where('manifest_id', '=', p.from),
);

interface Verified {
  readonly manifest: bigint;
  readonly sha256: string;
  readonly md5: string | null;
  readonly sha1: string | null;
}

const verifyManifest = new Statement(({ build }, p: Verified) =>
  build
    .updateTable('manifests')
    .set({ sha256: p.sha256, md5: p.md5, sha1: p.sha1, verified: 1 })
    .where('id', '=', p.manifest),
);

const reject = new Statement(({ build }, p: { uid: bigint; manifest: bigint; reason: string; at: number }) =>
  build
    .updateTable('files')
    .set({ state: 'rejected', rejected_reason: p.reason, updated_at: p.at })
    .where('uid', '=', p.uid)
    .where('state', 'in', COMPLETE)
    .where('manifest_id', '=', p.manifest),
);

const bumpLinkEpoch = new Statement(({ build }, p: { uid: bigint; at: number }) =>
  build
    .updateTable('files')
    .set((eb) => ({ link_epoch: eb('link_epoch', '+', 1), updated_at: p.at }))
    .where('uid', '=', p.uid),
);

const findDeleted = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build
    .selectFrom('files')
    .select('uid')
    .where('deleted_at', '<=', p.cutoff)
    .orderBy('deleted_at')
    .limit(p.limit),
);

export class Files implements FileQueries, FileCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(uid: Uid): Promise<FileRecord | undefined> {
    const row = await find.first(this.#session, { uid: toId(uid) });
    return row === undefined ? undefined : fileOf(row);
  }

  async findMany(uids: readonly Uid[]): Promise<readonly FileRecord[]> {
    refuseLongList(uids, 'uids');
    if (uids.length === 0) return [];
    const { build } = this.#session.dialect;
    const query = build
      .selectFrom('files')
      .select(COLUMNS)
      .where('uid', 'in', listOf(uids.map(toId)));
    return (await runQuery(this.#session, query)).rows.map(fileOf);
  }

  /**
   * A manifest's parts never change, so file and parts may be read one after the other; only when the file moved to another manifest and
   * the old one was purged in between, both are read again.
   */
  async content(uid: Uid): Promise<FileContent | undefined> {
    const key = { uid: toId(uid) };
    for (let attempt = 1; attempt <= CONTENT_ATTEMPTS; attempt++) {
      const row = await find.first(this.#session, key);
      if (row === undefined || row.state === 'deleted') return undefined;
      const file = fileOf(row);
      const parts = await contentParts(this.#session, row.manifest_id);
      // A rejected file does not hold on to its manifest, which may be purged already.
      if (file.state === 'rejected') return { file, parts };
      if (parts.reduce((size, part) => size + part.size, 0) === file.size) return { file, parts };
    }
    throw new OsproxyError(
      'Internal',
      `The parts of file ${uid} do not add up to its size; run fsck to see what is damaged.`,
    );
  }

  async list(page: FilePageQuery): Promise<readonly FileRecord[]> {
    const { build, readBy } = this.#session.dialect;
    let query = build
      .selectFrom(page.owner === undefined ? 'files' : readBy('files', 'files_owner_uid'))
      .select(COLUMNS)
      .where('state', 'in', LISTED)
      .orderBy('uid', 'desc')
      .limit(page.limit);
    if (page.owner !== undefined) query = query.where('owner', '=', page.owner);
    if (page.after !== undefined) query = query.where('uid', '<', toId(page.after));
    if (page.above !== undefined) query = query.where('uid', '>', toId(page.above));
    if (page.namePrefix !== undefined && page.namePrefix !== '') {
      const characters = [...page.namePrefix].length;
      query = query.where(sql<string>`substr(name, 1, ${characters})`, '=', page.namePrefix);
    }
    return (await runQuery(this.#session, query)).rows.map(fileOf);
  }

  async scan(after: Uid | undefined, limit: number): Promise<readonly FileRecord[]> {
    const { build } = this.#session.dialect;
    const query = build
      .selectFrom('files')
      .select(COLUMNS)
      .where('uid', '>', after === undefined ? 0n : toId(after))
      .where('state', 'in', LISTED)
      .orderBy('uid')
      .limit(limit);
    return (await runQuery(this.#session, query)).rows.map(fileOf);
  }

  async insert(file: FileRecord): Promise<void> {
    await unique(insert.run(this.#session, rowOf(file)), () => `A file with uid ${file.uid} exists already.`);
  }

  async insertMany(files: readonly FileRecord[]): Promise<void> {
    const { build } = this.#session.dialect;
    for (let start = 0; start < files.length; start += ROWS_AT_ONCE) {
      const rows = files.slice(start, start + ROWS_AT_ONCE).map(rowOf);
      const insert = runQuery(this.#session, build.insertInto('files').values(rows));
      await unique(insert, () => 'A file with one of these uids exists already.');
    }
  }

  async lock(uid: Uid): Promise<FileRecord | undefined> {
    const row = await lock.first(this.#session, { uid: toId(uid) });
    return row === undefined ? undefined : fileOf(row);
  }

  async release(uid: Uid, at: number): Promise<boolean> {
    return (await release.run(this.#session, { uid: toId(uid), at })) > 0;
  }

  async rename(uid: Uid, name: string, contentType: string, at: number): Promise<void> {
    await rename.run(this.#session, { uid: toId(uid), name, contentType, at });
  }

  async markDeleted(uid: Uid, at: number): Promise<boolean> {
    return (await markDeleted.run(this.#session, { uid: toId(uid), at })) > 0;
  }

  async markManyDeleted(uids: readonly Uid[], at: number): Promise<void> {
    const { build } = this.#session.dialect;
    for (const list of chunks(uids.map(toId))) {
      const query = build
        .updateTable('files')
        .set({ state: 'deleted', deleted_at: at, updated_at: at })
        .where('uid', 'in', list)
        .where('state', 'in', LISTED);
      await runQuery(this.#session, query);
    }
  }

  async swapManifest(uid: Uid, from: string, to: Manifest, at: number): Promise<boolean> {
    const changes = await swap.run(this.#session, {
      uid: toId(uid),
      from: toId(from),
      to: toId(to.id),
      sha256: to.sha256 ?? null,
      md5: to.md5 ?? null,
      verified: Number(to.verified),
      at,
    });
    return changes > 0;
  }

  async markVerified(
    uid: Uid,
    manifestId: string,
    digests: { sha256: string; md5: string | undefined; sha1: string | undefined },
    at: number,
  ): Promise<boolean> {
    const manifest = toId(manifestId);
    const { sha256 } = digests;
    const md5 = digests.md5 ?? null;
    const same = { uid: toId(uid), from: manifest, to: manifest };
    const changes = await swap.run(this.#session, { ...same, sha256, md5, verified: 1, at });
    if (changes === 0) return false;
    await verifyManifest.run(this.#session, { manifest, sha256, md5, sha1: digests.sha1 ?? null });
    return true;
  }

  async markRejected(uid: Uid, manifestId: string, reason: string, at: number): Promise<boolean> {
    const values = { uid: toId(uid), manifest: toId(manifestId), reason, at };
    return (await reject.run(this.#session, values)) > 0;
  }

  async bumpLinkEpoch(uid: Uid, at: number): Promise<void> {
    await bumpLinkEpoch.run(this.#session, { uid: toId(uid), at });
  }

  async removeDeleted(cutoff: number, limit: number): Promise<number> {
    const { build } = this.#session.dialect;
    const rows = await findDeleted.all(this.#session, { cutoff, limit });
    for (const uids of chunks(rows.map((row) => BigInt(row.uid)))) {
      await runQuery(this.#session, build.deleteFrom('links').where('uid', 'in', uids));
      await runQuery(this.#session, build.deleteFrom('files').where('uid', 'in', uids));
    }
    return rows.length;
  }
}

function fileOf(row: Row): FileRecord {
  return {
    uid: fromId(row.uid),
    owner: row.owner,
    name: row.name,
    contentType: row.content_type,
    size: toNumber(row.size),
    state: row.state as FileState,
    rejectedReason: optionalText(row.rejected_reason),
    manifestId: fromId(row.manifest_id),
    generation: toNumber(row.generation),
    linkEpoch: toNumber(row.link_epoch),
    md5: optionalText(row.md5),
    sha256: optionalText(row.sha256),
    verified: toNumber(row.verified) !== 0,
    createdAt: toNumber(row.created_at),
    updatedAt: toNumber(row.updated_at),
    deletedAt: optionalNumber(row.deleted_at),
  };
}

function rowOf(file: FileRecord): NewRow {
  return {
    uid: toId(file.uid),
    owner: file.owner,
    name: file.name,
    content_type: file.contentType,
    size: file.size,
    state: file.state,
    rejected_reason: file.rejectedReason ?? null,
    manifest_id: toId(file.manifestId),
    generation: file.generation,
    link_epoch: file.linkEpoch,
    md5: file.md5 ?? null,
    sha256: file.sha256 ?? null,
    verified: Number(file.verified),
    created_at: file.createdAt,
    updated_at: file.updatedAt,
    deleted_at: file.deletedAt ?? null,
  };
}
