import { type ColumnDataType, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { textTypes } from './text-types.ts';

const INT: ColumnDataType = 'bigint';

/** What was uploaded and downloaded, by day, and which batches of it were counted. */
export function usageTables(types: ColumnTypes): Migration {
  const { NAME, HEX } = textTypes(types);
  return {
    async up(db) {
      await db.schema
        .createTable('usage_totals')
        .addColumn('day', INT, (c) => c.notNull())
        .addColumn('owner', NAME, (c) => c.notNull())
        .addColumn('key_id', HEX, (c) => c.notNull())
        .addColumn('store', HEX, (c) => c.notNull())
        .addColumn('uploads', INT, (c) => c.notNull())
        .addColumn('uploaded_bytes', INT, (c) => c.notNull())
        .addColumn('downloads', INT, (c) => c.notNull())
        .addColumn('downloaded_bytes', INT, (c) => c.notNull())
        .addColumn('failures', INT, (c) => c.notNull())
        .addColumn('duration_ms', INT, (c) => c.notNull())
        .addPrimaryKeyConstraint('usage_totals_key', ['owner', 'day', 'key_id', 'store'])
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();
      await db.schema.createIndex('usage_totals_day').on('usage_totals').column('day').execute();
      await db.schema
        .createTable('usage_sources')
        .addColumn('source', NAME, (c) => c.primaryKey().notNull())
        .addColumn('number', INT, (c) => c.notNull())
        .addColumn('updated_at', INT, (c) => c.notNull())
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();
    },
  };
}
