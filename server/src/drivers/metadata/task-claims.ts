import { KEPT_ATTEMPTS, type TaskRecord } from '#core/model/task.ts';
import type { Claimer, TaskHead } from '#core/ports/metadata/tasks.ts';
import { toId, toNumber } from './convert.ts';
import type { Session } from './session.ts';
import {
  findHeads,
  forgetAttempts,
  lease,
  lockExpired,
  lockFree,
  lockPending,
  openAttempt,
} from './task-claim-statements.ts';
import { levelOf, priorityOf, type TaskRow, taskOf } from './task-rows.ts';
import { closeAttempt, countSome, findTask, finishTask } from './task-statements.ts';
import { addType, findTypes, shareType, takeTurn } from './task-type-statements.ts';

/** Types of one query, which asks four times for each. */
const TYPES_AT_ONCE = 32;
const LOST = 'The node that ran it stopped renewing its lease.';

export async function readHeads(
  session: Session,
  types: readonly string[],
  evenPaused: boolean,
): Promise<readonly TaskHead[]> {
  const rows = evenPaused ? [] : await findTypes.all(session, {});
  const paused = new Set(rows.filter((row) => row.paused_at !== null).map((row) => row.type));
  const wanted = types.filter((type) => !paused.has(type));
  const heads: TaskHead[] = [];
  for (let start = 0; start < wanted.length; start += TYPES_AT_ONCE) {
    const some = wanted.slice(start, start + TYPES_AT_ONCE);
    const named = Object.fromEntries(some.map((type, index) => [`type${index}`, type]));
    for (const row of await findHeads(some.length).all(session, named)) {
      const { type, state } = row;
      const runAt = toNumber(row.run_at);
      const head = { type, priority: priorityOf(row.priority), runAt, dueAt: toNumber(row.due_at ?? 0) };
      heads.push({ ...head, state: state === 'running' ? 'running' : 'pending' });
    }
  }
  return heads;
}

/** Claims inside one transaction; types are locked before tasks, everywhere. */
export class TaskClaims {
  readonly #session: Session;
  readonly #claimer: Claimer;
  /** What was found out about types so far; a type with a limit has room for `room` more. */
  readonly #gates = new Map<string, { readonly open: boolean; readonly room: number }>();

  constructor(session: Session, claimer: Claimer) {
    this.#session = session;
    this.#claimer = claimer;
  }

  async first(heads: readonly TaskHead[]): Promise<TaskRecord | undefined> {
    for (const { type, state, priority } of heads) {
      if (!(await this.#mayStart(type, state))) continue;
      const row = await this.#lock(type, state, priority);
      if (row !== undefined) return this.#take(row);
    }
    return undefined;
  }

  async only(id: string): Promise<TaskRecord | undefined> {
    const key = { id: toId(id) };
    const seen = await findTask.first(this.#session, key);
    if (seen === undefined || !this.#isDue(seen)) return undefined;
    const state = seen.state === 'running' ? 'running' : 'pending';
    if (!(await this.#mayStart(seen.type, state))) return undefined;
    const row = await lockFree.first(this.#session, key);
    if (row === undefined || !this.#isDue(row)) return undefined;
    return (await this.#endCancelled(row)) ? undefined : this.#take(row);
  }

  #isDue(row: TaskRow): boolean {
    const { now } = this.#claimer;
    if (row.state === 'pending') return toNumber(row.run_at) <= now;
    return row.state === 'running' && row.lease_until !== null && toNumber(row.lease_until) <= now;
  }

  async #lock(type: string, state: TaskHead['state'], priority: TaskHead['priority']) {
    const { now } = this.#claimer;
    if (state === 'pending')
      return lockPending.first(this.#session, { type, priority: levelOf(priority), now });
    for (;;) {
      const row = await lockExpired.first(this.#session, { type, now });
      if (row === undefined || !(await this.#endCancelled(row))) return row;
    }
  }

  /** What is taken over from a node that went silent runs already as far as the limit is concerned. */
  async #mayStart(type: string, state: TaskHead['state']): Promise<boolean> {
    const gate = this.#gates.get(type) ?? (await this.#gate(type));
    this.#gates.set(type, gate);
    return gate.open && (state === 'running' || gate.room > 0);
  }

  async #gate(type: string): Promise<{ open: boolean; room: number }> {
    const limit = this.#claimer.ruleOf?.(type).limit;
    let row = await shareOrTurn(this.#session, type, limit !== undefined);
    if (row === undefined) {
      await addType.run(this.#session, { type });
      row = await shareOrTurn(this.#session, type, limit !== undefined);
    }
    const open = row !== undefined && row.paused_at === null;
    if (!open || limit === undefined) return { open, room: Number.POSITIVE_INFINITY };
    const running = await countSome.first(this.#session, { type, state: 'running', most: limit });
    return { open, room: limit - toNumber(running?.count ?? 0) };
  }

  /** True for a task whose end was asked for, and which therefore is over now. */
  async #endCancelled(row: TaskRow): Promise<boolean> {
    const { now, ruleOf } = this.#claimer;
    if (row.cancel_at === null || ruleOf?.(row.type).recurring === true) return false;
    const id = BigInt(row.id);
    await closeAttempt.run(this.#session, { id, outcome: 'lost', error: LOST, now });
    await finishTask.run(this.#session, {
      ...{ id, state: 'cancelled', liveKey: null, runAt: toNumber(row.run_at) },
      ...{ attempts: toNumber(row.attempts), error: row.cancel_reason, progress: row.progress },
      ...{ endedAt: now, now },
    });
    return true;
  }

  async #take(row: TaskRow): Promise<TaskRecord> {
    const { node, now, leaseMs } = this.#claimer;
    const id = BigInt(row.id);
    const fence = toNumber(row.fence) + 1;
    const attempts = toNumber(row.attempts) + 1;
    if (row.state === 'running')
      await closeAttempt.run(this.#session, { id, outcome: 'lost', error: LOST, now });
    const leaseUntil = now + leaseMs;
    await lease.run(this.#session, { id, node, leaseUntil, now, fence, attempts });
    await openAttempt.run(this.#session, { id, fence, node, now });
    if (fence > KEPT_ATTEMPTS) await forgetAttempts.run(this.#session, { id, fence: fence - KEPT_ATTEMPTS });
    return {
      ...taskOf(row),
      ...{ state: 'running', node, leaseUntil, fence, attempts, updatedAt: now },
      ...{ progress: undefined, cancelAt: undefined },
    };
  }
}

/** Keeps a pause from being committed before this claim; with a limit also any other claim of the type. */
async function shareOrTurn(session: Session, type: string, exclusive: boolean) {
  if (exclusive) await takeTurn.run(session, { type });
  return shareType.first(session, { type });
}
