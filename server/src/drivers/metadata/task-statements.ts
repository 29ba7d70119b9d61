import type { TaskAttempt, TaskState } from '#core/model/task.ts';
import { pick, Statement } from './statement.ts';
import { type NewTaskRow, TASK_COLUMNS } from './task-rows.ts';

export const findTask = new Statement(({ build }, p: { id: bigint }) =>
  build.selectFrom('tasks').select(TASK_COLUMNS).where('id', '=', p.id),
);

export const lockTask = new Statement((dialect, p: { id: bigint }) =>
  dialect.lockRows(dialect.build.selectFrom('tasks').select(TASK_COLUMNS).where('id', '=', p.id)),
);

export const insertTask = new Statement((dialect, p: NewTaskRow) =>
  dialect.skipTaken(dialect.build.insertInto('tasks').values(pick(p, [...TASK_COLUMNS, 'live_key'])), [
    'live_key',
  ]),
);

export const findLive = new Statement(({ build }, p: { liveKey: string }) =>
  build.selectFrom('tasks').select('id').where('live_key', '=', p.liveKey),
);

export const pendAgain = new Statement(({ build }, p: { id: bigint; liveKey: string; runAt: number }) =>
  build
    .updateTable('tasks')
    .set({
      state: 'pending',
      live_key: p.liveKey,
      attempts: 0,
      run_at: p.runAt,
      progress: null,
      ended_at: null,
    })
    .where('id', '=', p.id)
    .where('state', 'in', ['pending', 'failed', 'cancelled']),
);

export const postpone = new Statement(({ build }, p: { liveKey: string; runAt: number }) =>
  build
    .updateTable('tasks')
    .set({ run_at: p.runAt })
    .where('live_key', '=', p.liveKey)
    .where('state', '=', 'pending'),
);

interface Beat {
  readonly id: bigint;
  readonly fence: number;
  readonly leaseUntil: number;
}

export const renew = new Statement(({ build }, p: Beat) =>
  build
    .updateTable('tasks')
    .set({ lease_until: p.leaseUntil })
    .where('id', '=', p.id)
    .where('fence', '=', p.fence)
    .where('state', '=', 'running'),
);

export const renewWithProgress = new Statement(({ build }, p: Beat & { progress: string }) =>
  build
    .updateTable('tasks')
    .set({ lease_until: p.leaseUntil, progress: p.progress })
    .where('id', '=', p.id)
    .where('fence', '=', p.fence)
    .where('state', '=', 'running'),
);

export const findCancel = new Statement(({ build }, p: { id: bigint }) =>
  build.selectFrom('tasks').select('cancel_at').where('id', '=', p.id),
);

export const askToCancel = new Statement(({ build }, p: { id: bigint; reason: string; now: number }) =>
  build
    .updateTable('tasks')
    .set({ cancel_at: p.now, cancel_reason: p.reason, updated_at: p.now })
    .where('id', '=', p.id),
);

interface Finish {
  readonly id: bigint;
  readonly state: TaskState;
  readonly liveKey: string | null;
  readonly runAt: number;
  readonly attempts: number;
  readonly error: string | null;
  readonly progress: string | null;
  readonly endedAt: number | null;
  readonly now: number;
}

export const finishTask = new Statement(({ build }, p: Finish) =>
  build
    .updateTable('tasks')
    .set({
      state: p.state,
      live_key: p.liveKey,
      run_at: p.runAt,
      attempts: p.attempts,
      last_error: p.error,
      progress: p.progress,
      ended_at: p.endedAt,
      updated_at: p.now,
      node: null,
      lease_until: null,
      cancel_at: null,
      cancel_reason: null,
    })
    .where('id', '=', p.id),
);

interface Close {
  readonly id: bigint;
  readonly outcome: TaskAttempt['outcome'];
  readonly error: string | null;
  readonly now: number;
}

/** Ends the attempt that is open, if any. */
export const closeAttempt = new Statement(({ build }, p: Close) =>
  build
    .updateTable('task_attempts')
    .set({ outcome: p.outcome, error: p.error, finished_at: p.now })
    .where('task_id', '=', p.id)
    .where('outcome', '=', 'running'),
);

export const forgetAttempt = new Statement(({ build }, p: { id: bigint; fence: number }) =>
  build.deleteFrom('task_attempts').where('task_id', '=', p.id).where('fence', '=', p.fence),
);

export const findAttempts = new Statement(({ build }, p: { id: bigint }) =>
  build
    .selectFrom('task_attempts')
    .select(['task_id', 'fence', 'node', 'started_at', 'finished_at', 'outcome', 'error'])
    .where('task_id', '=', p.id)
    .orderBy('fence'),
);

export const findEnded = new Statement(({ build }, p: { cutoff: number; limit: number }) =>
  build.selectFrom('tasks').select('id').where('ended_at', '<=', p.cutoff).orderBy('ended_at').limit(p.limit),
);

/** The next type in the order of the index; types are few, so each step is one look. */
export const nextType = new Statement(({ build }, p: { type: string }) =>
  build.selectFrom('tasks').select('type').where('type', '>', p.type).orderBy('type').limit(1),
);

/** Reads as many entries of an index as it counts, and no more than `most`. */
export const countSome = new Statement(({ build }, p: { type: string; state: TaskState; most: number }) =>
  build
    .selectFrom((eb) =>
      eb
        .selectFrom('tasks')
        .select('run_at')
        .where('type', '=', p.type)
        .where('state', '=', p.state)
        .limit(p.most)
        .as('some_tasks'),
    )
    .select((eb) => eb.fn.countAll().as('count')),
);
