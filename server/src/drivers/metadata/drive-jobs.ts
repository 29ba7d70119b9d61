import type { Selectable } from 'kysely';
import type { ConflictPolicy, DriveJob } from '#core/model/entry.ts';
import type { QueuedFolder } from '#core/ports/metadata/drives.ts';
import { chunks, fromId, optionalNumber, optionalText, toId, toNumber } from './convert.ts';
import type { DriveJobTable, DriveQueueTable } from './drive-rows.ts';
import { idOrNull, optionalId } from './entry-rows.ts';
import type { Session } from './session.ts';
import { runQuery, Statement } from './statement.ts';

const JOB_COLUMNS = [
  'id',
  'user_id',
  'kind',
  'state',
  'error',
  'source_id',
  'parent_id',
  'name',
  'conflict',
  'staging_id',
  'reserved',
  'done',
  'total',
  'created_at',
  'ended_at',
] as const satisfies readonly (keyof DriveJobTable)[];

const QUEUE_COLUMNS = ['job_id', 'folder_id', 'source_id', 'after'] as const;

const findJob = new Statement(({ build }, p: { id: bigint }) =>
  build.selectFrom('drive_jobs').select(JOB_COLUMNS).where('id', '=', p.id),
);

const unfinished = new Statement(({ build }, p: { limit: number }) =>
  build.selectFrom('drive_jobs').select(JOB_COLUMNS).where('ended_at', 'is', null).limit(p.limit),
);

const unfinishedOf = new Statement(({ build }, p: { user: bigint; limit: number }) =>
  build
    .selectFrom('drive_jobs')
    .select(JOB_COLUMNS)
    .where('ended_at', 'is', null)
    .where('user_id', '=', p.user)
    .limit(p.limit),
);

const ended = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build
    .selectFrom('drive_jobs')
    .select('id')
    .where('ended_at', '<=', p.cutoff)
    .orderBy('ended_at')
    .limit(p.limit),
);

const listQueued = new Statement(({ build }, p: { job: bigint; limit: number }) =>
  build
    .selectFrom('drive_queue')
    .select(QUEUE_COLUMNS)
    .where('job_id', '=', p.job)
    .orderBy('folder_id')
    .limit(p.limit),
);

/** The tasks of drives, and what each has yet to do. */
export class DriveJobs {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async findJob(id: string): Promise<DriveJob | undefined> {
    const row = await findJob.first(this.#session, { id: toId(id) });
    return row === undefined ? undefined : jobOf(row);
  }

  async unfinishedJobs(limit: number): Promise<readonly DriveJob[]> {
    return (await unfinished.all(this.#session, { limit })).map(jobOf);
  }

  async unfinishedJobsOf(userId: string, limit: number): Promise<readonly DriveJob[]> {
    return (await unfinishedOf.all(this.#session, { user: toId(userId), limit })).map(jobOf);
  }

  async insertJob(job: DriveJob): Promise<void> {
    const { build } = this.#session.dialect;
    await runQuery(this.#session, build.insertInto('drive_jobs').values(rowOf(job)));
  }

  async saveJob(job: DriveJob): Promise<void> {
    const { build } = this.#session.dialect;
    const { id, ...rest } = rowOf(job);
    await runQuery(this.#session, build.updateTable('drive_jobs').set(rest).where('id', '=', id));
  }

  async removeEndedJobs(cutoff: number, limit: number): Promise<number> {
    const { build } = this.#session.dialect;
    const rows = await ended.all(this.#session, { cutoff, limit });
    for (const ids of chunks(rows.map(({ id }) => BigInt(id)))) {
      await runQuery(this.#session, build.deleteFrom('drive_queue').where('job_id', 'in', ids));
      await runQuery(this.#session, build.deleteFrom('drive_jobs').where('id', 'in', ids));
    }
    return rows.length;
  }

  async queued(jobId: string, limit: number): Promise<readonly QueuedFolder[]> {
    return (await listQueued.all(this.#session, { job: toId(jobId), limit })).map(queuedOf);
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

function jobOf(row: Selectable<DriveJobTable>): DriveJob {
  return {
    id: fromId(row.id),
    userId: fromId(row.user_id),
    kind: row.kind as DriveJob['kind'],
    state: row.state as DriveJob['state'],
    error: optionalText(row.error),
    sourceId: optionalId(row.source_id),
    parentId: optionalId(row.parent_id),
    name: optionalText(row.name),
    conflict: (row.conflict ?? undefined) as ConflictPolicy | undefined,
    stagingId: optionalId(row.staging_id),
    reserved: toNumber(row.reserved),
    done: toNumber(row.done),
    total: optionalNumber(row.total),
    createdAt: toNumber(row.created_at),
    endedAt: optionalNumber(row.ended_at),
  };
}

function rowOf(job: DriveJob) {
  return {
    id: toId(job.id),
    user_id: toId(job.userId),
    kind: job.kind,
    state: job.state,
    error: job.error ?? null,
    source_id: idOrNull(job.sourceId),
    parent_id: idOrNull(job.parentId),
    name: job.name ?? null,
    conflict: job.conflict ?? null,
    staging_id: idOrNull(job.stagingId),
    reserved: job.reserved,
    done: job.done,
    total: job.total ?? null,
    created_at: job.createdAt,
    ended_at: job.endedAt ?? null,
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
