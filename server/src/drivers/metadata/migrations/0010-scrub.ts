import { type ColumnDataType, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { textTypes } from './text-types.ts';

const INT: ColumnDataType = 'bigint';

/** How far the checks of stored bytes have come, and what is wrong and not mended. */
export function scrubTables(types: ColumnTypes): Migration {
  const { TEXT, NAME, WORD } = textTypes(types);
  return {
    async up(db) {
      await db.schema
        .createTable('scrubs')
        .addColumn('store', NAME, (c) => c.notNull())
        .addColumn('node', NAME, (c) => c.notNull())
        .addColumn('round', INT, (c) => c.notNull())
        .addColumn('started_at', INT, (c) => c.notNull())
        .addColumn('ended_at', INT)
        .addColumn('last_blob', INT, (c) => c.notNull())
        .addColumn('after_blob', INT)
        .addColumn('blobs', INT, (c) => c.notNull())
        .addColumn('bytes', INT, (c) => c.notNull())
        .addColumn('repaired', INT, (c) => c.notNull())
        .addColumn('damaged', INT, (c) => c.notNull())
        .addColumn('skipped', INT, (c) => c.notNull())
        .addColumn('trouble', TEXT)
        .addColumn('requested_at', INT)
        .addColumn('updated_at', INT, (c) => c.notNull())
        .addPrimaryKeyConstraint('scrubs_key', ['store', 'node'])
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();

      await db.schema
        .createTable('scrub_findings')
        .addColumn('store', NAME, (c) => c.notNull())
        .addColumn('key', NAME, (c) => c.notNull())
        .addColumn('node', NAME, (c) => c.notNull())
        .addColumn('blob_id', INT, (c) => c.notNull())
        .addColumn('kind', WORD, (c) => c.notNull())
        .addColumn('reason', TEXT, (c) => c.notNull())
        .addColumn('lost', INT, (c) => c.notNull())
        .addColumn('round', INT, (c) => c.notNull())
        .addColumn('retry_at', INT, (c) => c.notNull())
        .addColumn('found_at', INT, (c) => c.notNull())
        .addPrimaryKeyConstraint('scrub_findings_key', ['store', 'key'])
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();
      await db.schema.createIndex('scrub_findings_blob').on('scrub_findings').column('blob_id').execute();
      await db.schema
        .createIndex('scrub_findings_lost')
        .on('scrub_findings')
        .columns(['store', 'lost'])
        .execute();
      await db.schema
        .createIndex('scrub_findings_due')
        .on('scrub_findings')
        .columns(['store', 'node', 'retry_at'])
        .execute();
    },
  };
}
