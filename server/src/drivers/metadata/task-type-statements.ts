import { Statement } from './statement.ts';

const COLUMNS = ['type', 'paused_at', 'schedule'] as const;

export const findTypes = new Statement(({ build }, _p: object) =>
  build.selectFrom('task_types').select(COLUMNS).orderBy('type'),
);

export const shareType = new Statement((dialect, p: { type: string }) =>
  dialect.shareRows(dialect.build.selectFrom('task_types').select(COLUMNS).where('type', '=', p.type)),
);

export const lockType = new Statement((dialect, p: { type: string }) =>
  dialect.lockRows(dialect.build.selectFrom('task_types').select(COLUMNS).where('type', '=', p.type)),
);

export const addType = new Statement((dialect, p: { type: string }) =>
  dialect.skipTaken(
    dialect.build
      .insertInto('task_types')
      .values({ type: p.type, paused_at: null, schedule: null, claims: 0 }),
    ['type'],
  ),
);

/** Of two transactions that do this at once the database lets one go on and makes the other begin anew. */
export const takeTurn = new Statement(({ build }, p: { type: string }) =>
  build
    .updateTable('task_types')
    .set((eb) => ({ claims: eb('claims', '+', 1) }))
    .where('type', '=', p.type),
);

export const setPaused = new Statement(({ build }, p: { type: string; pausedAt: number | null }) =>
  build.updateTable('task_types').set({ paused_at: p.pausedAt }).where('type', '=', p.type),
);

export const setSchedule = new Statement(({ build }, p: { type: string; schedule: string }) =>
  build.updateTable('task_types').set({ schedule: p.schedule }).where('type', '=', p.type),
);
