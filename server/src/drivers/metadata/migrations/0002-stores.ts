import { type ColumnDataType, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { addIndex, addSparseIndex } from './indexes.ts';
import { textTypes } from './text-types.ts';

const INT: ColumnDataType = 'bigint';

/** Several stores: where an upload goes, placements that were given up, moves between stores and the marks of stores. */
export function severalStores(types: ColumnTypes): Migration {
  const { TEXT, NAME, WORD } = textTypes(types);
  return {
    async up(db) {
      await db.schema.alterTable('uploads').addColumn('store', NAME).execute();
      await db.schema.alterTable('uploads').addColumn('transfer_to', NAME).execute();

      await db.schema.alterTable('placements').addColumn('retired_at', INT).execute();
      await addSparseIndex(db, types, 'placements.retired_at');
      await addIndex(db, 'placements', ['store', 'blob_id']);

      await db.schema
        .createTable('moves')
        .addColumn('id', types.idKey, (c) => c.primaryKey().notNull())
        .addColumn('from_store', NAME, (c) => c.notNull())
        .addColumn('to_store', NAME, (c) => c.notNull())
        .addColumn('match', TEXT, (c) => c.notNull())
        .addColumn('bytes_per_second', INT)
        .addColumn('state', WORD, (c) => c.notNull())
        .addColumn('run', INT, (c) => c.notNull())
        .addColumn('last_blob', INT, (c) => c.notNull())
        .addColumn('after_blob', INT)
        .addColumn('total_files', INT)
        .addColumn('total_blobs', INT)
        .addColumn('total_bytes', INT)
        .addColumn('done_files', INT, (c) => c.notNull())
        .addColumn('done_blobs', INT, (c) => c.notNull())
        .addColumn('done_bytes', INT, (c) => c.notNull())
        .addColumn('failed_blobs', INT, (c) => c.notNull())
        .addColumn('created_at', INT, (c) => c.notNull())
        .addColumn('updated_at', INT, (c) => c.notNull())
        .addColumn('ended_at', INT)
        .execute();

      await db.schema
        .createTable('move_failures')
        .addColumn('move_id', INT, (c) => c.notNull())
        .addColumn('blob_id', INT, (c) => c.notNull())
        .addColumn('reason', TEXT, (c) => c.notNull())
        .addColumn('at', INT, (c) => c.notNull())
        .addPrimaryKeyConstraint('move_failures_key', ['move_id', 'blob_id'])
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();

      await db.schema
        .createTable('store_marks')
        .addColumn('store', NAME, (c) => c.notNull())
        .addColumn('node', NAME, (c) => c.notNull())
        .addColumn('mark', NAME, (c) => c.notNull())
        .addColumn('written', INT, (c) => c.notNull())
        .addPrimaryKeyConstraint('store_marks_key', ['store', 'node'])
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();
    },
  };
}
