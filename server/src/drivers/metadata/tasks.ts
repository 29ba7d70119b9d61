import { OsproxyError } from '#core/errors.ts';
import {
  type NewTask,
  TASK_STATES,
  type TaskAttempt,
  type TaskProgress,
  type TaskRecord,
  type TaskState,
  type TaskTypeRecord,
} from '#core/model/task.ts';
import type {
  Claimer,
  TaskCommands,
  TaskEnd,
  TaskFilter,
  TaskHead,
  TaskQueries,
} from '#core/ports/metadata/tasks.ts';
import { chunks, fromId, optionalNumber, optionalText, toId, toNumber } from './convert.ts';
import type { Session } from './session.ts';
import { runQuery } from './statement.ts';
import { readHeads, TaskClaims } from './task-claims.ts';
import { attemptOf, levelOf, liveKeyOf, TASK_COLUMNS, type TaskRow, taskOf } from './task-rows.ts';
import {
  askToCancel,
  closeAttempt,
  countSome,
  findAttempts,
  findCancel,
  findEnded,
  findLive,
  findTask,
  finishTask,
  forgetAttempt,
  insertTask,
  lockTask,
  nextType,
  pendAgain,
  postpone,
  renew,
  renewWithProgress,
} from './task-statements.ts';
import { addType, findTypes, lockType, setPaused, setSchedule } from './task-type-statements.ts';
import { unique } from './unique.ts';

/** Longer reasons are cut, so that a row stays small whatever a handler throws. */
const ERROR_LENGTH = 4000;

export class Tasks implements TaskQueries, TaskCommands {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    const row = await findTask.first(this.#session, { id: toId(id) });
    return row === undefined ? undefined : taskOf(row);
  }

  async list(filter: TaskFilter, limit: number): Promise<readonly TaskRecord[]> {
    // Each state of a type is a run of its own in an index that is in order; all of them together are not.
    const states = filter.state === undefined && filter.type !== undefined ? TASK_STATES : [filter.state];
    const pages: TaskRow[][] = [];
    for (const state of states) pages.push(await this.#page({ ...filter, state }, limit));
    const rows = pages.flat();
    if (pages.length > 1) rows.sort(newestFirst);
    return rows.slice(0, limit).map(taskOf);
  }

  async #page({ type, state, after }: TaskFilter, limit: number): Promise<TaskRow[]> {
    let query = this.#session.dialect.build
      .selectFrom('tasks')
      .select(TASK_COLUMNS)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit);
    if (type !== undefined) query = query.where('type', '=', type);
    if (state !== undefined) query = query.where('state', '=', state);
    if (after !== undefined) {
      const { createdAt } = after;
      query = query
        .where('created_at', '<=', createdAt)
        .where((eb) => eb.or([eb('created_at', '<', createdAt), eb('id', '<', toId(after.id))]));
    }
    return [...(await runQuery(this.#session, query)).rows];
  }

  async attempts(taskId: string): Promise<readonly TaskAttempt[]> {
    return (await findAttempts.all(this.#session, { id: toId(taskId) })).map(attemptOf);
  }

  heads(types: readonly string[], evenPaused = false): Promise<readonly TaskHead[]> {
    return readHeads(this.#session, types, evenPaused);
  }

  async counts(most: number): Promise<readonly { type: string; state: TaskState; count: number }[]> {
    const counts: { type: string; state: TaskState; count: number }[] = [];
    for (let type = await this.#typeAfter(''); type !== undefined; type = await this.#typeAfter(type)) {
      for (const state of TASK_STATES) {
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

  async types(): Promise<readonly TaskTypeRecord[]> {
    return (await findTypes.all(this.#session, {})).map((row) => ({
      type: row.type,
      pausedAt: optionalNumber(row.paused_at),
      schedule: optionalText(row.schedule),
    }));
  }

  async enqueue(id: string, task: NewTask, now: number): Promise<boolean> {
    const row = {
      ...{ id: toId(id), type: task.type, key: task.key, live_key: liveKeyOf(task) },
      ...{ payload: JSON.stringify(task.payload ?? null), state: 'pending' },
      ...{ priority: levelOf(task.priority ?? 'normal'), run_at: task.runAt ?? now },
      ...{ attempts: 0, max_attempts: task.maxAttempts, fence: 0, node: null, lease_until: null },
      ...{ last_error: null, progress: null, cancel_at: null, cancel_reason: null },
      ...{ created_at: now, updated_at: now, ended_at: null },
    };
    const exists = () => `A task with id ${id} exists already.`;
    return (await unique(insertTask.run(this.#session, row), exists)) > 0;
  }

  claim(heads: readonly TaskHead[], claimer: Claimer): Promise<TaskRecord | undefined> {
    return new TaskClaims(this.#session, claimer).first(heads);
  }

  claimThis(id: string, claimer: Claimer): Promise<TaskRecord | undefined> {
    return new TaskClaims(this.#session, claimer).only(id);
  }

  async heartbeat(
    id: string,
    fence: number,
    leaseUntil: number,
    progress?: TaskProgress,
  ): Promise<'held' | 'cancelling' | 'lost'> {
    const beat = { id: toId(id), fence, leaseUntil };
    const changes =
      progress === undefined
        ? await renew.run(this.#session, beat)
        : await renewWithProgress.run(this.#session, { ...beat, progress: JSON.stringify(progress) });
    if (changes === 0) return 'lost';
    const cancelAt = (await findCancel.first(this.#session, beat))?.cancel_at ?? null;
    return cancelAt === null ? 'held' : 'cancelling';
  }

  async holds(id: string, fence: number): Promise<boolean> {
    return (await this.#held(id, fence)) !== undefined;
  }

  async #held(id: string, fence: number): Promise<TaskRow | undefined> {
    const row = await lockTask.first(this.#session, { id: toId(id) });
    return row?.state === 'running' && toNumber(row.fence) === fence ? row : undefined;
  }

  async finish(id: string, fence: number, asked: TaskEnd, now: number): Promise<boolean> {
    const task = await this.#held(id, fence);
    if (task === undefined) return false;
    const key = BigInt(task.id);
    const end = effectiveEnd(asked, task);
    const error = 'error' in end ? end.error.slice(0, ERROR_LENGTH) : null;
    const runAt = 'runAt' in end ? end.runAt : end.outcome === 'cancelled' ? end.recursAt : undefined;
    const over = runAt === undefined;
    const { outcome } = end;
    await finishTask.run(this.#session, {
      id: key,
      state:
        over && (outcome === 'done' || outcome === 'failed' || outcome === 'cancelled') ? outcome : 'pending',
      liveKey: over ? null : liveKeyOf(task),
      runAt: runAt ?? toNumber(task.run_at),
      attempts: attemptsAfter(end, toNumber(task.attempts)),
      error: outcome === 'released' ? task.last_error : error,
      progress: asked.progress === undefined ? task.progress : JSON.stringify(asked.progress),
      endedAt: over ? now : null,
      now,
    });
    if (outcome === 'waiting') await forgetAttempt.run(this.#session, { id: key, fence });
    else {
      const closed = outcome === 'again' ? 'done' : outcome;
      await closeAttempt.run(this.#session, { id: key, outcome: closed, error, now });
    }
    return true;
  }

  async retry(id: string, runAt: number): Promise<boolean> {
    const task = await lockTask.first(this.#session, { id: toId(id) });
    if (task === undefined || task.state === 'running' || task.state === 'done') return false;
    const liveKey = liveKeyOf(task);
    const live = await findLive.first(this.#session, { liveKey });
    if (live !== undefined && fromId(live.id) !== id) {
      throw new OsproxyError(
        'AlreadyExists',
        `Task ${id} cannot be tried again: task ${fromId(live.id)} of the same type and key is waiting or running.`,
      );
    }
    return (await pendAgain.run(this.#session, { id: toId(id), liveKey, runAt })) > 0;
  }

  async cancel(id: string, reason: string, now: number): Promise<'cancelled' | 'cancelling' | undefined> {
    const task = await lockTask.first(this.#session, { id: toId(id) });
    const why = reason.slice(0, ERROR_LENGTH);
    if (task?.state === 'running') {
      if (task.cancel_at === null)
        await askToCancel.run(this.#session, { id: BigInt(task.id), reason: why, now });
      return 'cancelling';
    }
    if (task?.state !== 'pending') return undefined;
    await finishTask.run(this.#session, {
      ...{ id: BigInt(task.id), state: 'cancelled', liveKey: null, runAt: toNumber(task.run_at) },
      ...{ attempts: toNumber(task.attempts), error: why, progress: task.progress, endedAt: now, now },
    });
    return 'cancelled';
  }

  async setPaused(type: string, paused: boolean, now: number): Promise<boolean> {
    const row = await this.#lockType(type);
    if ((row.paused_at !== null) === paused) return false;
    await setPaused.run(this.#session, { type, pausedAt: paused ? now : null });
    return true;
  }

  async schedule(id: string, task: NewTask, schedule: string, now: number): Promise<boolean> {
    const row = await this.#lockType(task.type);
    const added = await this.enqueue(id, task, now);
    if (!added && row.schedule === schedule) return false;
    await setSchedule.run(this.#session, { type: task.type, schedule });
    if (!added) await postpone.run(this.#session, { liveKey: liveKeyOf(task), runAt: task.runAt ?? now });
    return true;
  }

  async #lockType(type: string) {
    const row = await lockType.first(this.#session, { type });
    if (row !== undefined) return row;
    await addType.run(this.#session, { type });
    return (await lockType.first(this.#session, { type })) ?? { type, paused_at: null, schedule: null };
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

function newestFirst(a: TaskRow, b: TaskRow): number {
  const [x, y] = [BigInt(a.id), BigInt(b.id)];
  return toNumber(b.created_at) - toNumber(a.created_at) || (x < y ? 1 : x > y ? -1 : 0);
}

/** What was asked to end does not go back to wait. */
function effectiveEnd(end: TaskEnd, task: TaskRow): TaskEnd {
  if (task.cancel_at === null || end.outcome === 'done' || end.outcome === 'failed') return end;
  // A run of recurring work that came to its end did so.
  if (end.outcome === 'again' && end.recursAt !== undefined) return end;
  return { outcome: 'cancelled', error: task.cancel_reason ?? 'Cancelled.', recursAt: end.recursAt };
}

function attemptsAfter({ outcome, recursAt }: TaskEnd, attempts: number): number {
  if (outcome === 'again' || (outcome === 'cancelled' && recursAt !== undefined)) return 0;
  return outcome === 'released' || outcome === 'waiting' ? attempts - 1 : attempts;
}
