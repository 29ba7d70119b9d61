import { type ColumnDataType, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { textTypes } from './text-types.ts';

const INT: ColumnDataType = 'bigint';

/** What keeps complete files from being read; a file that is not held has no row. */
export function holdTable(types: ColumnTypes): Migration {
  const { TEXT, NAME } = textTypes(types);
  return {
    async up(db) {
      await db.schema
        .createTable('file_holds')
        .addColumn('uid', INT, (c) => c.notNull())
        .addColumn('type', NAME, (c) => c.notNull())
        .addColumn('since', INT, (c) => c.notNull())
        .addColumn('reason', TEXT)
        .addPrimaryKeyConstraint('file_holds_key', ['uid', 'type'])
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();
    },
  };
}
