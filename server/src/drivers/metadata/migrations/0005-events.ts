import type { ColumnDataType, Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { textTypes } from './text-types.ts';

const INT: ColumnDataType = 'bigint';

/**
 * The outbox. A change and its event commit together into the inbox, whose numbers follow no order of commits; from there events move to
 * their final positions, one mover at a time.
 */
export function eventTables(types: ColumnTypes): Migration {
  return {
    async up(db) {
      await table(db, types, 'event_inbox', 'serial');
      await table(db, types, 'events', 'position');
    },
  };
}

async function table(db: Kysely<unknown>, types: ColumnTypes, name: string, key: string): Promise<void> {
  const { TEXT, NAME } = textTypes(types);
  await db.schema
    .createTable(name)
    .addColumn(key, types.serialKey, types.numbered)
    .addColumn('type', NAME, (c) => c.notNull())
    .addColumn('subject', NAME, (c) => c.notNull())
    .addColumn('owner', NAME)
    .addColumn('data', TEXT, (c) => c.notNull())
    .addColumn('at', INT, (c) => c.notNull())
    .execute();
}
