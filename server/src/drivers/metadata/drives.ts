import type { Insertable, Selectable } from 'kysely';
import type { ConflictPolicy, DriveRecord, DriveUpload } from '#core/model/entry.ts';
import type { Uid } from '#core/model/uid.ts';
import type { DriveCommands, DriveCount, DriveGrowth, DriveQueries } from '#core/ports/metadata/drives.ts';
import { fromId, optionalNumber, toId, toNumber } from './convert.ts';
import { countDrive } from './drive-count.ts';
import { DriveJobs } from './drive-jobs.ts';
import type { DriveTable, DriveUploadTable } from './drive-rows.ts';
import type { Dialect, Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';

const DRIVE_COLUMNS = [
  'user_id',
  'root_id',
  'used_bytes',
  'reserved_bytes',
  'files',
  'created_at',
  'ended_at',
] as const satisfies readonly (keyof DriveTable)[];

const UPLOAD_COLUMNS = [
  'uid',
  'user_id',
  'parent_id',
  'name',
  'conflict',
  'size',
  'created_at',
] as const satisfies readonly (keyof DriveUploadTable)[];

const find = new Statement(({ build }, p: { user: bigint }) =>
  build.selectFrom('drives').select(DRIVE_COLUMNS).where('user_id', '=', p.user),
);

const scan = new Statement(({ build }, p: { after: bigint; limit: number }) =>
  build
    .selectFrom('drives')
    .select(DRIVE_COLUMNS)
    .where('user_id', '>', p.after)
    .orderBy('user_id')
    .limit(p.limit),
);

/** Written and not only locked: so a transaction that began before the one before it ended runs again. */
const lock = new Statement(({ build }, p: { user: bigint }) =>
  build
    .updateTable('drives')
    .set((eb) => ({ changes: eb('changes', '+', 1) }))
    .where('user_id', '=', p.user),
);

interface Growth {
  readonly user: bigint;
  readonly used: number;
  readonly reserved: number;
  readonly files: number;
}

const growing = ({ build }: Dialect, p: Growth) =>
  build
    .updateTable('drives')
    .set((eb) => ({
      used_bytes: eb('used_bytes', '+', p.used),
      reserved_bytes: eb('reserved_bytes', '+', p.reserved),
      files: eb('files', '+', p.files),
    }))
    .where('user_id', '=', p.user);

const grow = new Statement(growing);

const take = new Statement((dialect, p: Growth & { readonly room: number }) =>
  growing(dialect, p)
    .where('ended_at', 'is', null)
    .where((eb) => eb(eb('used_bytes', '+', eb.ref('reserved_bytes')), '<=', p.room)),
);

const findUpload = new Statement(({ build }, p: { uid: bigint }) =>
  build.selectFrom('drive_uploads').select(UPLOAD_COLUMNS).where('uid', '=', p.uid),
);

const listUploads = new Statement(({ build }, p: { user: bigint; after: bigint; limit: number }) =>
  build
    .selectFrom('drive_uploads')
    .select(UPLOAD_COLUMNS)
    .where('user_id', '=', p.user)
    .where('uid', '<', p.after)
    .orderBy('uid', 'desc')
    .limit(p.limit),
);

type NewUploadRow = Required<Insertable<DriveUploadTable>>;

const insertUpload = new Statement(({ build }, p: NewUploadRow) =>
  build.insertInto('drive_uploads').values(pick(p, UPLOAD_COLUMNS)),
);

const removeUpload = new Statement(({ build }, p: { uid: bigint }) =>
  build.deleteFrom('drive_uploads').where('uid', '=', p.uid),
);

const LAST_ID = '9223372036854775807';

export class Drives extends DriveJobs implements DriveQueries, DriveCommands {
  readonly #session: Session;

  constructor(session: Session) {
    super(session);
    this.#session = session;
  }

  async find(userId: string): Promise<DriveRecord | undefined> {
    const row = await find.first(this.#session, { user: toId(userId) });
    return row === undefined ? undefined : driveOf(row);
  }

  async scan(after: string | undefined, limit: number): Promise<readonly DriveRecord[]> {
    return (await scan.all(this.#session, { after: toId(after ?? '0'), limit })).map(driveOf);
  }

  counted(userId: string): Promise<DriveCount> {
    return countDrive(this.#session, toId(userId));
  }

  async lock(userId: string): Promise<DriveRecord | undefined> {
    const locked = await lock.run(this.#session, { user: toId(userId) });
    return locked > 0 ? this.find(userId) : undefined;
  }

  async insert(drive: DriveRecord): Promise<boolean> {
    const { build, skipTaken } = this.#session.dialect;
    const row = {
      user_id: toId(drive.userId),
      root_id: toId(drive.rootId),
      used_bytes: drive.usedBytes,
      reserved_bytes: drive.reservedBytes,
      files: drive.files,
      changes: 0,
      created_at: drive.createdAt,
      ended_at: drive.endedAt ?? null,
    };
    const query = skipTaken(build.insertInto('drives').values(row), ['user_id']);
    return (await runQuery(this.#session, query)).changes > 0;
  }

  async grow(userId: string, by: DriveGrowth): Promise<void> {
    await grow.run(this.#session, growthOf(userId, by));
  }

  async take(userId: string, by: DriveGrowth, quota = Number.MAX_SAFE_INTEGER): Promise<boolean> {
    const growth = growthOf(userId, by);
    const room = quota - growth.used - growth.reserved;
    return (await take.run(this.#session, { ...growth, room })) > 0;
  }

  async end(userId: string, at: number): Promise<void> {
    const { build } = this.#session.dialect;
    const query = build.updateTable('drives').set({ ended_at: at }).where('user_id', '=', toId(userId));
    await runQuery(this.#session, query);
  }

  async remove(userId: string): Promise<void> {
    const { build } = this.#session.dialect;
    await runQuery(this.#session, build.deleteFrom('drives').where('user_id', '=', toId(userId)));
  }

  async findUpload(uid: Uid): Promise<DriveUpload | undefined> {
    const row = await findUpload.first(this.#session, { uid: toId(uid) });
    return row === undefined ? undefined : uploadOf(row);
  }

  async uploads(userId: string, after: Uid | undefined, limit: number): Promise<readonly DriveUpload[]> {
    const page = { user: toId(userId), after: toId(after ?? LAST_ID), limit };
    return (await listUploads.all(this.#session, page)).map(uploadOf);
  }

  async insertUpload(upload: DriveUpload): Promise<void> {
    await insertUpload.run(this.#session, {
      uid: toId(upload.uid),
      user_id: toId(upload.userId),
      parent_id: toId(upload.parentId),
      name: upload.name,
      conflict: upload.conflict,
      size: upload.size,
      created_at: upload.createdAt,
    });
  }

  async removeUpload(uid: Uid): Promise<boolean> {
    return (await removeUpload.run(this.#session, { uid: toId(uid) })) > 0;
  }
}

function growthOf(userId: string, { used = 0, reserved = 0, files = 0 }: DriveGrowth): Growth {
  return { user: toId(userId), used, reserved, files };
}

function driveOf(row: Omit<Selectable<DriveTable>, 'changes'>): DriveRecord {
  return {
    userId: fromId(row.user_id),
    rootId: fromId(row.root_id),
    usedBytes: toNumber(row.used_bytes),
    reservedBytes: toNumber(row.reserved_bytes),
    files: toNumber(row.files),
    createdAt: toNumber(row.created_at),
    endedAt: optionalNumber(row.ended_at),
  };
}

function uploadOf(row: Selectable<DriveUploadTable>): DriveUpload {
  return {
    uid: fromId(row.uid),
    userId: fromId(row.user_id),
    parentId: fromId(row.parent_id),
    name: row.name,
    conflict: row.conflict as ConflictPolicy,
    size: toNumber(row.size),
    createdAt: toNumber(row.created_at),
  };
}
