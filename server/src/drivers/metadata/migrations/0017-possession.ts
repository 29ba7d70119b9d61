import type { ColumnDataType } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { addIndex } from './indexes.ts';
import { textTypes } from './text-types.ts';

const INT: ColumnDataType = 'bigint';

/** Challenges to show possession of a content, each of which lives for a minute at most. */
export function possessionTable(types: ColumnTypes): Migration {
  const { HEX } = textTypes(types);
  return {
    async up(db) {
      await db.schema
        .createTable('possession_challenges')
        .addColumn('id', types.idKey, (c) => c.primaryKey().notNull())
        .addColumn('user_id', INT, (c) => c.notNull())
        .addColumn('sha256', HEX, (c) => c.notNull())
        .addColumn('size', INT, (c) => c.notNull())
        .addColumn('nonce', HEX, (c) => c.notNull())
        .addColumn('created_at', INT, (c) => c.notNull())
        .addColumn('expires_at', INT, (c) => c.notNull())
        .execute();
      await addIndex(db, 'possession_challenges', ['expires_at']);
    },
  };
}
