import { type ColumnDataType, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { addIndex, addSparseIndex } from './indexes.ts';
import { textTypes } from './text-types.ts';

const INT: ColumnDataType = 'bigint';

/** What is known about images, films and sounds, by content, and the smaller pictures that were made of them. */
export function mediaTables(types: ColumnTypes): Migration {
  const { TEXT, NAME, WORD } = textTypes(types);
  return {
    async up(db) {
      await db.schema
        .createTable('media')
        .addColumn('identity', NAME, (c) => c.primaryKey().notNull())
        .addColumn('uid', INT, (c) => c.notNull())
        .addColumn('format', WORD)
        .addColumn('width', INT)
        .addColumn('height', INT)
        .addColumn('duration_ms', INT)
        .addColumn('reason', WORD)
        .addColumn('message', TEXT)
        .addColumn('probed_at', INT, (c) => c.notNull())
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();
      await addSparseIndex(db, types, 'media.reason', {
        columns: ['reason', 'identity'],
        name: 'media_reason',
      });

      await db.schema
        .createTable('renditions')
        .addColumn('identity', NAME, (c) => c.notNull())
        .addColumn('variant', WORD, (c) => c.notNull())
        .addColumn('blob_id', INT)
        .addColumn('holder', NAME)
        .addColumn('held_until', INT)
        .addColumn('created_at', INT, (c) => c.notNull())
        .addPrimaryKeyConstraint('renditions_key', ['identity', 'variant'])
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();
      await addIndex(db, 'renditions', ['blob_id'], 'renditions_blob');
    },
  };
}
