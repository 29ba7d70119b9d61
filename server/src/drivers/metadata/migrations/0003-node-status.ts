import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';

/** What a node says about itself beside its address: load, stores and whether it leads the schedules, as JSON. */
export function nodeStatus({ text }: ColumnTypes): Migration {
  return {
    async up(db) {
      await db.schema.alterTable('nodes').addColumn('status', text).execute();
    },
  };
}
