import { OsproxyError } from '#core/errors.ts';
import { TASK_PRIORITIES } from '#core/model/task.ts';
import type { Int } from './columns.ts';
import type { Dialect } from './session.ts';
import { Statement } from './statement.ts';
import { TASK_COLUMNS } from './task-rows.ts';

interface Due {
  readonly type: string;
  readonly priority: number;
  readonly now: number;
}

/** Pending and due, the first that nobody else is claiming at the moment: one look into an index however many wait. */
export const lockPending = new Statement((dialect, p: Due) =>
  dialect.lockFreeRows(
    dialect.build
      .selectFrom('tasks')
      .select(TASK_COLUMNS)
      .where('type', '=', p.type)
      .where('state', '=', 'pending')
      .where('priority', '=', p.priority)
      .where('run_at', '<=', p.now)
      .orderBy('run_at')
      .limit(1),
  ),
);

/** Running with its lease over; running tasks are few. */
export const lockExpired = new Statement((dialect, p: { type: string; now: number }) =>
  dialect.lockFreeRows(
    dialect.build
      .selectFrom('tasks')
      .select(TASK_COLUMNS)
      .where('type', '=', p.type)
      .where('state', '=', 'running')
      .where('lease_until', '<=', p.now)
      .orderBy('run_at')
      .limit(1),
  ),
);

export const lockFree = new Statement((dialect, p: { id: bigint }) =>
  dialect.lockFreeRows(dialect.build.selectFrom('tasks').select(TASK_COLUMNS).where('id', '=', p.id)),
);

interface HeadRow {
  readonly type: string;
  readonly state: string;
  readonly priority: Int;
  readonly run_at: Int;
  readonly due_at: Int | null;
}

type HeadStatement = Statement<Record<string, string>, HeadRow>;

const headStatements = new Map<number, HeadStatement>();

/** A look at each of `count` types, called type0, type1 and so on: a row for each priority of which some wait, and one for the first lease that ends. */
export function findHeads(count: number): HeadStatement {
  let statement = headStatements.get(count);
  if (statement === undefined) {
    const names = Array.from({ length: count }, (_, index) => `type${index}`);
    statement = new Statement((dialect, p: Record<string, string>) =>
      selectHeads(
        dialect,
        names.map((name) => p[name] ?? ''),
      ),
    );
    headStatements.set(count, statement);
  }
  return statement;
}

const HEAD = ['type', 'state', 'priority', 'run_at'] as const;

function selectHeads({ build }: Dialect, types: readonly string[]) {
  const looks = types.flatMap((type) => {
    const ofType = build.selectFrom('tasks').where('type', '=', type);
    const waiting = TASK_PRIORITIES.map((_, priority) =>
      ofType
        .select([...HEAD, 'run_at as due_at'])
        .where('state', '=', 'pending')
        .where('priority', '=', priority)
        .orderBy('run_at')
        .limit(1),
    );
    const leased = ofType
      .select([...HEAD, 'lease_until as due_at'])
      .where('state', '=', 'running')
      .orderBy('lease_until')
      .limit(1);
    return [...waiting, leased].map((look) => build.selectFrom(look.as('some_tasks')).selectAll());
  });
  const [first, ...rest] = looks;
  if (first === undefined) throw new OsproxyError('Internal', 'The heads of no type were asked for.');
  return rest.reduce((all, look) => all.unionAll(look), first);
}

interface Lease {
  readonly id: bigint;
  readonly node: string;
  readonly leaseUntil: number;
  readonly now: number;
  readonly fence: number;
  readonly attempts: number;
}

export const lease = new Statement(({ build }, p: Lease) =>
  build
    .updateTable('tasks')
    .set({
      state: 'running',
      node: p.node,
      lease_until: p.leaseUntil,
      fence: p.fence,
      attempts: p.attempts,
      progress: null,
      cancel_at: null,
      cancel_reason: null,
      updated_at: p.now,
    })
    .where('id', '=', p.id),
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

export const forgetAttempts = new Statement(({ build }, p: { id: bigint; fence: number }) =>
  build.deleteFrom('task_attempts').where('task_id', '=', p.id).where('fence', '<=', p.fence),
);
