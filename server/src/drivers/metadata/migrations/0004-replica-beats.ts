import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { textTypes } from './text-types.ts';

/** What each process wrote last, so that it finds out how far a replica has come; empty where there are no replicas. */
export function replicaBeats(types: ColumnTypes): Migration {
  const { NAME } = textTypes(types);
  return {
    async up(db) {
      await db.schema
        .createTable('replica_beats')
        .addColumn('process', NAME, (c) => c.primaryKey().notNull())
        .addColumn('beat', 'bigint', (c) => c.notNull())
        .addColumn('written_at', 'bigint', (c) => c.notNull())
        .execute();
    },
  };
}
