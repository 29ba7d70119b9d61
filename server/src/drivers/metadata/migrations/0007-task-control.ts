import type { ColumnDataType } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { addIndex } from './indexes.ts';
import { textTypes } from './text-types.ts';

const INT: ColumnDataType = 'bigint';

/** Priorities, progress and cancelling of tasks, and what the cluster knows of each type: paused or not, and its schedule. */
export function taskControl(types: ColumnTypes): Migration {
  const { TEXT } = textTypes(types);
  return {
    async up(db) {
      // A build that does not know the column adds tasks of normal priority.
      await db.schema
        .alterTable('tasks')
        .addColumn('priority', INT, (c) => c.notNull().defaultTo(1))
        .execute();
      await db.schema.alterTable('tasks').addColumn('progress', TEXT).execute();
      await db.schema.alterTable('tasks').addColumn('cancel_at', INT).execute();
      await db.schema.alterTable('tasks').addColumn('cancel_reason', TEXT).execute();
      await addIndex(db, 'tasks', ['type', 'state', 'priority', 'run_at']);
      await addIndex(db, 'tasks', ['type', 'state', 'created_at']);
      for (const columns of ['type_state_run_at', 'type_created_at']) {
        const drop = db.schema.dropIndex(`tasks_${columns}`);
        await (types.indexesBelongToTables ? drop.on('tasks') : drop).execute();
      }
      await db.schema
        .createTable('task_types')
        .addColumn('type', types.short(64), (c) => c.primaryKey().notNull())
        .addColumn('paused_at', INT)
        .addColumn('schedule', TEXT)
        .addColumn('claims', INT, (c) => c.notNull())
        .execute();
    },
  };
}
