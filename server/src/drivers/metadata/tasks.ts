import type { Insertable, Selectable } from 'kysely';
import { OsproxyError } from '#core/errors.ts';
import type { NewTask, TaskAttempt, TaskRecord, TaskState } from '#core/model/task.ts';
import type { TaskCommands, TaskEnd, TaskQueries } from '#core/ports/metadata/tasks.ts';
import { chunks, fromId, optionalNumber, optionalText, toId, toNumber } from './convert.ts';
import type { TaskAttemptTable, TaskTable } from './rows.ts';
import type { Session } from './session.ts';
import { pick, runQuery, Statement } from './statement.ts';
import {
  closeAttempt,
  countSome,
  findAttempts,
  findEnded,
  findPending,
  finishTask,
  firstLeaseEnd,
  forgetAttempt,
  lease,
  lockExpired,
  lockPending,
  nextType,
  openAttempt,
  renew,
  TASK_COLUMNS,
} from './task-statements.ts';
import { unique } from './unique.ts';

type Row = Selectable<TaskTable>;
type NewRow = Required<Insertable<TaskTable>>;

const STATES: readonly TaskState[] = ['pending', 'running', 'done', 'failed', 'cancelled'];

const find = new Statement(({ build }, p: { id: bigint }) =>
  build.selectFrom('tasks').select(TASK_COLUMNS).where('id', '=', p.id),
);

const lock = new Statement((dialect, p: { id: bigint }) =>
  dialect.lockRows(dialect.build.selectFrom('tasks').select(TASK_COLUMNS).where('id', '=', p.id)),
);

const insert = new Statement((dialect, p: NewRow) =>
  dialect.skipTaken(
    dialect.build.insertInto('tasks').values(pick(p, [...TASK_COLUMNS, 'live_key', 'ended_at'])),
    ['live_key'],
  ),
);

const findLive = new Statement(({ build }, p: { liveKey: string }) =>
  build.selectFrom('tasks').select('id').where('live_key', '=', p.liveKey),
);

const retry = new Statement(({ build }, p: { id: bigint; liveKey: string; runAt: number }) =>
  build
    .updateTable('tasks')
    .set({ state: 'pending', live_key: p.liveKey, attempts: 0, run_at: p.runAt, ended_at: null })
    .where('id', '=', p.id)
    .where('state', 'in', ['pending', 'failed', 'cancelled']),
);

export class Tasks implements TaskQueries, TaskCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    const row = await find.first(this.#session, { id: toId(id) });
    return row === undefined ? undefined : taskOf(row);
  }

  async list(filter: { type?: string; state?: TaskState }, limit: number): Promise<readonly TaskRecord[]> {
    let query = this.#session.dialect.build
      .selectFrom('tasks')
      .select(TASK_COLUMNS)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit);
    if (filter.type !== undefined) query = query.where('type', '=', filter.type);
    if (filter.state !== undefined) query = query.where('state', '=', filter.state);
    return (await runQuery(this.#session, query)).rows.map(taskOf);
  }

  async attempts(taskId: string): Promise<readonly TaskAttempt[]> {
    return (await findAttempts.all(this.#session, { id: toId(taskId) })).map(attemptOf);
  }

  async nextDue(types: readonly string[]): Promise<number | undefined> {
    let due: number | undefined;
    for (const type of types) {
      const pending = await findPending.first(this.#session, { type, now: Number.MAX_SAFE_INTEGER });
      const leased = (await firstLeaseEnd.first(this.#session, { type }))?.lease_until ?? null;
      for (const at of [optionalNumber(pending?.run_at ?? null), optionalNumber(leased)]) {
        if (at !== undefined && (due === undefined || at < due)) due = at;
      }
    }
    return due;
  }

  async counts(most: number): Promise<readonly { type: string; state: TaskState; count: number }[]> {
    const counts: { type: string; state: TaskState; count: number }[] = [];
    for (let type = await this.#typeAfter(''); type !== undefined; type = await this.#typeAfter(type)) {
      for (const state of STATES) {
        const row = await countSome.first(this.#session, { type, state, most });
        const count = toNumber(row?.count ?? 0);
        if (count > 0) counts.push({ type, state, count });
      }
    }
    return counts;
  }

  async #typeAfter(type: string): Promise<string | undefined> {
    return (await nextType.first(this.#session, { type }))?.type;
  }

  async enqueue(id: string, task: NewTask, now: number): Promise<boolean> {
    const row: NewRow = {
      id: toId(id),
      type: task.type,
      key: task.key,
      live_key: `${task.type}:${task.key}`,
      payload: JSON.stringify(task.payload ?? null),
      state: 'pending',
      run_at: task.runAt ?? now,
      attempts: 0,
      max_attempts: task.maxAttempts,
      fence: 0,
      node: null,
      lease_until: null,
      last_error: null,
      created_at: now,
      updated_at: now,
      ended_at: null,
    };
    const added = await unique(insert.run(this.#session, row), () => `A task with id ${id} exists already.`);
    return added > 0;
  }

  async claim(
    types: readonly string[],
    node: string,
    now: number,
    leaseMs: number,
  ): Promise<TaskRecord | undefined> {
    let due: { id: bigint; runAt: number } | undefined;
    for (const type of types) {
      for (const statement of [lockPending, lockExpired]) {
        const row = await statement.first(this.#session, { type, now });
        if (row === undefined) continue;
        const runAt = toNumber(row.run_at);
        if (due === undefined || runAt < due.runAt) due = { id: BigInt(row.id), runAt };
      }
    }
    if (due === undefined) return undefined;
    const { id } = due;
    const lost = { error: 'The node that ran it stopped renewing its lease.', now };
    await closeAttempt.run(this.#session, { id, outcome: 'lost', ...lost });
    await lease.run(this.#session, { id, node, leaseUntil: now + leaseMs, now });
    const row = await find.first(this.#session, { id });
    if (row === undefined) throw new OsproxyError('Internal', `Task ${id} vanished while it was claimed.`);
    await openAttempt.run(this.#session, { id, fence: toNumber(row.fence), node, now });
    return taskOf(row);
  }

  async heartbeat(id: string, fence: number, leaseUntil: number): Promise<boolean> {
    return (await renew.run(this.#session, { id: toId(id), fence, leaseUntil })) > 0;
  }

  async holds(id: string, fence: number): Promise<boolean> {
    const row = await lock.first(this.#session, { id: toId(id) });
    return row !== undefined && row.state === 'running' && toNumber(row.fence) === fence;
  }

  async finish(id: string, fence: number, end: TaskEnd, now: number): Promise<boolean> {
    const key = toId(id);
    const task = await lock.first(this.#session, { id: key });
    if (task === undefined || task.state !== 'running' || toNumber(task.fence) !== fence) return false;
    const over = end.outcome === 'done' || end.outcome === 'failed';
    const error = 'error' in end ? end.error : null;
    await finishTask.run(this.#session, {
      id: key,
      state: over ? end.outcome : 'pending',
      liveKey: over ? null : `${task.type}:${task.key}`,
      runAt: over ? toNumber(task.run_at) : end.runAt,
      attempts: attemptsAfter(end, toNumber(task.attempts)),
      error: end.outcome === 'released' ? task.last_error : error,
      endedAt: over ? now : null,
      now,
    });
    if (end.outcome === 'waiting') {
      await forgetAttempt.run(this.#session, { id: key, fence });
      return true;
    }
    const outcome = end.outcome === 'again' ? 'done' : end.outcome;
    await closeAttempt.run(this.#session, { id: key, outcome, error, now });
    return true;
  }

  async retry(id: string, runAt: number): Promise<boolean> {
    const task = await lock.first(this.#session, { id: toId(id) });
    if (task === undefined || task.state === 'running' || task.state === 'done') return false;
    const liveKey = `${task.type}:${task.key}`;
    const live = await findLive.first(this.#session, { liveKey });
    if (live !== undefined && fromId(live.id) !== id) {
      throw new OsproxyError(
        'AlreadyExists',
        `Task ${id} cannot be tried again: task ${fromId(live.id)} of the same type and key is waiting or running.`,
      );
    }
    return (await retry.run(this.#session, { id: toId(id), liveKey, runAt })) > 0;
  }

  async removeEnded(cutoff: number, limit: number): Promise<number> {
    const { build } = this.#session.dialect;
    const rows = await findEnded.all(this.#session, { cutoff, limit });
    for (const ids of chunks(rows.map((row) => BigInt(row.id)))) {
      await runQuery(this.#session, build.deleteFrom('task_attempts').where('task_id', 'in', ids));
      await runQuery(this.#session, build.deleteFrom('tasks').where('id', 'in', ids));
    }
    return rows.length;
  }
}

function attemptsAfter({ outcome }: TaskEnd, attempts: number): number {
  if (outcome === 'again') return 0;
  return outcome === 'released' || outcome === 'waiting' ? attempts - 1 : attempts;
}

function taskOf(row: Omit<Row, 'live_key' | 'ended_at'>): TaskRecord {
  return {
    id: fromId(row.id),
    type: row.type,
    key: row.key,
    payload: JSON.parse(row.payload) as unknown,
    state: row.state as TaskState,
    runAt: toNumber(row.run_at),
    attempts: toNumber(row.attempts),
    maxAttempts: toNumber(row.max_attempts),
    fence: toNumber(row.fence),
    node: optionalText(row.node),
    leaseUntil: optionalNumber(row.lease_until),
    lastError: optionalText(row.last_error),
    createdAt: toNumber(row.created_at),
    updatedAt: toNumber(row.updated_at),
  };
}

function attemptOf(row: Selectable<TaskAttemptTable>): TaskAttempt {
  return {
    taskId: fromId(row.task_id),
    fence: toNumber(row.fence),
    node: row.node,
    startedAt: toNumber(row.started_at),
    finishedAt: optionalNumber(row.finished_at),
    outcome: row.outcome as TaskAttempt['outcome'],
    error: optionalText(row.error),
  };
}
