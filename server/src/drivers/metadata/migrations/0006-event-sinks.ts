import { type ColumnDataType, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { textTypes } from './text-types.ts';

const INT: ColumnDataType = 'bigint';

/** How far each receiver of events has come, and the events that it did not take at once. */
export function eventSinkTables(types: ColumnTypes): Migration {
  const { TEXT, NAME, WORD } = textTypes(types);
  return {
    async up(db) {
      await db.schema
        .createTable('event_sinks')
        .addColumn('name', NAME, (c) => c.primaryKey().notNull())
        .addColumn('position', INT)
        .addColumn('fence', INT, (c) => c.notNull())
        .addColumn('state', WORD, (c) => c.notNull())
        .addColumn('reason', TEXT)
        .addColumn('failing_since', INT)
        .addColumn('retry_at', INT)
        .addColumn('updated_at', INT, (c) => c.notNull())
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();

      await db.schema
        .createTable('event_deliveries')
        .addColumn('sink', NAME, (c) => c.notNull())
        .addColumn('position', INT, (c) => c.notNull())
        .addColumn('state', WORD, (c) => c.notNull())
        .addColumn('attempts', INT, (c) => c.notNull())
        .addColumn('next_at', INT)
        .addColumn('reason', TEXT)
        .addColumn('type', NAME, (c) => c.notNull())
        .addColumn('subject', NAME, (c) => c.notNull())
        .addColumn('owner', NAME)
        .addColumn('data', TEXT, (c) => c.notNull())
        .addColumn('at', INT, (c) => c.notNull())
        .addPrimaryKeyConstraint('event_deliveries_key', ['sink', 'position'])
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();
      await db.schema
        .createIndex('event_deliveries_due')
        .on('event_deliveries')
        .columns(['sink', 'state', 'next_at'])
        .execute();
      await db.schema
        .createIndex('event_deliveries_subject')
        .on('event_deliveries')
        .columns(['sink', 'subject', 'position'])
        .execute();
    },
  };
}
