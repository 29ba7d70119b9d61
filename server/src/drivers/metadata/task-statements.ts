import type { TaskAttempt, TaskState } from '#core/model/task.ts';
import type { Dialect } from './session.ts';
import { Statement } from './statement.ts';

/** What a task record is read from. */
export const TASK_COLUMNS = [
  'id',
  'type',
  'key',
  'payload',
  'state',
  'run_at',
  'attempts',
  'max_attempts',
  'fence',
  'node',
  'lease_until',
  'last_error',
  'created_at',
  'updated_at',
] as const;

/** The first task of a type in this state whose `due` column is not after now: one look into an index however many wait. */
function selectDue({ build }: Dialect, state: TaskState, due: 'run_at' | 'lease_until', p: Due) {
  return build
    .selectFrom('tasks')
    .select(['id', 'run_at'])
    .where('type', '=', p.type)
    .where('state', '=', state)
    .where(due, '<=', p.now)
    .orderBy('run_at')
    .orderBy('id')
    .limit(1);
}

interface Due {
  readonly type: string;
  readonly now: number;
}

export const findPending = new Statement((dialect, p: Due) => selectDue(dialect, 'pending', 'run_at', p));

/** Pending and due, and not being claimed by somebody else at the moment. */
export const lockPending = new Statement((dialect, p: Due) =>
  dialect.lockFreeRows(selectDue(dialect, 'pending', 'run_at', p)),
);

/** Running with its lease over; running tasks are few. */
export const lockExpired = new Statement((dialect, p: Due) =>
  dialect.lockFreeRows(selectDue(dialect, 'running', 'lease_until', p)),
);

export const firstLeaseEnd = new Statement(({ build }, p: { type: string }) =>
  build
    .selectFrom('tasks')
    .select('lease_until')
    .where('type', '=', p.type)
    .where('state', '=', 'running')
    .orderBy('lease_until')
    .limit(1),
);

export const lease = new Statement(
  ({ build }, p: { id: bigint; node: string; leaseUntil: number; now: number }) =>
    build
      .updateTable('tasks')
      .set((eb) => ({
        state: 'running',
        node: p.node,
        lease_until: p.leaseUntil,
        fence: eb('fence', '+', 1),
        attempts: eb('attempts', '+', 1),
        updated_at: p.now,
      }))
      .where('id', '=', p.id),
);

export const renew = new Statement(({ build }, p: { id: bigint; fence: number; leaseUntil: number }) =>
  build
    .updateTable('tasks')
    .set({ lease_until: p.leaseUntil })
    .where('id', '=', p.id)
    .where('fence', '=', p.fence)
    .where('state', '=', 'running'),
);

interface Finish {
  readonly id: bigint;
  readonly state: TaskState;
  readonly liveKey: string | null;
  readonly runAt: number;
  readonly attempts: number;
  readonly error: string | null;
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
      ended_at: p.endedAt,
      updated_at: p.now,
      node: null,
      lease_until: null,
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

export const openAttempt = new Statement(
  ({ build }, p: { id: bigint; fence: number; node: string; now: number }) =>
    build.insertInto('task_attempts').values({
      task_id: p.id,
      fence: p.fence,
      node: p.node,
      started_at: p.now,
      finished_at: null,
      outcome: 'running',
      error: null,
    }),
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
