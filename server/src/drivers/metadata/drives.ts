import type { Insertable, Selectable } from 'kysely';
import type { ConflictPolicy, DriveRecord, DriveUpload } from '#core/model/entry.ts';
import type { Uid } from '#core/model/uid.ts';
import type {
  DriveCommands,
  DriveGrowth,
  DriveJob,
  DriveQueries,
  QueuedFolder,
} from '#core/ports/metadata/drives.ts';
import { chunks, fromId, optionalNumber, optionalText, toId, toNumber } from './convert.ts';
import type { DriveJobTable, DriveQueueTable, DriveTable, DriveUploadTable } from './drive-rows.ts';
import { idOrNull, optionalId } from './entry-rows.ts';
import type { Session } from './session.ts';
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

const JOB_COLUMNS = [
  'id',
  'user_id',
  'kind',
  'staging_id',
  'reserved',
  'done',
  'total',
  'created_at',
] as const satisfies readonly (keyof DriveJobTable)[];

const QUEUE_COLUMNS = ['job_id', 'folder_id', 'source_id', 'after'] as const;

const find = new Statement(({ build }, p: { user: bigint }) =>
  build.selectFrom('drives').select(DRIVE_COLUMNS).where('user_id', '=', p.user),
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
  readonly room: number;
}

const grow = (isLimited: boolean) =>
  new Statement(({ build }, p: Growth) => {
    const query = build
      .updateTable('drives')
      .set((eb) => ({
        used_bytes: eb('used_bytes', '+', p.used),
        reserved_bytes: eb('reserved_bytes', '+', p.reserved),
        files: eb('files', '+', p.files),
      }))
      .where('user_id', '=', p.user);
    if (!isLimited) return query;
    return query.where((eb) => eb(eb('used_bytes', '+', eb.ref('reserved_bytes')), '<=', p.room));
  });

const growFreely = grow(false);
const growWithin = grow(true);

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

const findJob = new Statement(({ build }, p: { id: bigint }) =>
  build.selectFrom('drive_jobs').select(JOB_COLUMNS).where('id', '=', p.id),
);

const nextQueued = new Statement(({ build }, p: { job: bigint }) =>
  build
    .selectFrom('drive_queue')
    .select(QUEUE_COLUMNS)
    .where('job_id', '=', p.job)
    .orderBy('folder_id')
    .limit(1),
);

const LAST_ID = '9223372036854775807';

export class Drives implements DriveQueries, DriveCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(userId: string): Promise<DriveRecord | undefined> {
    const row = await find.first(this.#session, { user: toId(userId) });
    return row === undefined ? undefined : driveOf(row);
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

  async grow(userId: string, by: DriveGrowth, quota?: number): Promise<boolean> {
    const { used = 0, reserved = 0, files = 0 } = by;
    const values = { user: toId(userId), used, reserved, files, room: (quota ?? 0) - used - reserved };
    const statement = quota === undefined ? growFreely : growWithin;
    return (await statement.run(this.#session, values)) > 0;
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

  async findJob(id: string): Promise<DriveJob | undefined> {
    const row = await findJob.first(this.#session, { id: toId(id) });
    return row === undefined ? undefined : jobOf(row);
  }

  async jobs(after: string | undefined, limit: number): Promise<readonly DriveJob[]> {
    const query = this.#session.dialect.build
      .selectFrom('drive_jobs')
      .select(JOB_COLUMNS)
      .where('id', '>', toId(after ?? '0'))
      .orderBy('id')
      .limit(limit);
    return (await runQuery(this.#session, query)).rows.map(jobOf);
  }

  async insertJob(job: DriveJob): Promise<void> {
    const { build } = this.#session.dialect;
    await runQuery(this.#session, build.insertInto('drive_jobs').values(rowOfJob(job)));
  }

  async saveJob(job: DriveJob): Promise<void> {
    const { build } = this.#session.dialect;
    const { id, ...rest } = rowOfJob(job);
    await runQuery(this.#session, build.updateTable('drive_jobs').set(rest).where('id', '=', id));
  }

  async removeJob(id: string): Promise<void> {
    const { build } = this.#session.dialect;
    await runQuery(this.#session, build.deleteFrom('drive_jobs').where('id', '=', toId(id)));
    await runQuery(this.#session, build.deleteFrom('drive_queue').where('job_id', '=', toId(id)));
  }

  async nextQueued(jobId: string): Promise<QueuedFolder | undefined> {
    const row = await nextQueued.first(this.#session, { job: toId(jobId) });
    return row === undefined ? undefined : queuedOf(row);
  }

  async queue(folders: readonly QueuedFolder[]): Promise<void> {
    if (folders.length === 0) return;
    const { build } = this.#session.dialect;
    const rows = folders.map((folder) => ({
      job_id: toId(folder.jobId),
      folder_id: toId(folder.folderId),
      source_id: idOrNull(folder.sourceId),
      after: folder.after ?? null,
    }));
    await runQuery(this.#session, build.insertInto('drive_queue').values(rows));
  }

  async setQueued({ jobId, folderId, after }: QueuedFolder): Promise<void> {
    const query = this.#session.dialect.build
      .updateTable('drive_queue')
      .set({ after: after ?? null })
      .where('job_id', '=', toId(jobId))
      .where('folder_id', '=', toId(folderId));
    await runQuery(this.#session, query);
  }

  async unqueue(jobId: string, folderIds: readonly string[]): Promise<void> {
    const { build } = this.#session.dialect;
    for (const list of chunks(folderIds.map(toId))) {
      const query = build
        .deleteFrom('drive_queue')
        .where('job_id', '=', toId(jobId))
        .where('folder_id', 'in', list);
      await runQuery(this.#session, query);
    }
  }
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

function jobOf(row: Selectable<DriveJobTable>): DriveJob {
  return {
    id: fromId(row.id),
    userId: fromId(row.user_id),
    kind: row.kind as DriveJob['kind'],
    stagingId: optionalId(row.staging_id),
    reserved: toNumber(row.reserved),
    done: toNumber(row.done),
    total: optionalNumber(row.total),
    createdAt: toNumber(row.created_at),
  };
}

function rowOfJob(job: DriveJob) {
  return {
    id: toId(job.id),
    user_id: toId(job.userId),
    kind: job.kind,
    staging_id: idOrNull(job.stagingId),
    reserved: job.reserved,
    done: job.done,
    total: job.total ?? null,
    created_at: job.createdAt,
  };
}

function queuedOf(row: Selectable<DriveQueueTable>): QueuedFolder {
  return {
    jobId: fromId(row.job_id),
    folderId: fromId(row.folder_id),
    sourceId: optionalId(row.source_id),
    after: optionalText(row.after),
  };
}
