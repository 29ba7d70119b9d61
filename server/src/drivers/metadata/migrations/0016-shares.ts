import { type ColumnDataType, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { addIndex } from './indexes.ts';
import { textTypes } from './text-types.ts';

const INT: ColumnDataType = 'bigint';

/** Entries that strangers may see, what is known of them, and tickets for downloads without a header. */
export function shareTables(types: ColumnTypes): Migration {
  const { TEXT, NAME, WORD, HEX } = textTypes(types);
  return {
    async up(db) {
      await db.schema
        .createTable('shares')
        .addColumn('id', types.idKey, (c) => c.primaryKey().notNull())
        .addColumn('user_id', INT, (c) => c.notNull())
        .addColumn('entry_id', INT, (c) => c.notNull())
        .addColumn('share_key', NAME, (c) => c.notNull())
        .addColumn('key_hash', HEX, (c) => c.notNull())
        .addColumn('permission', WORD, (c) => c.notNull())
        .addColumn('label', TEXT)
        .addColumn('password', TEXT)
        .addColumn('password_epoch', INT, (c) => c.notNull())
        .addColumn('expires_at', INT)
        .addColumn('max_downloads', INT)
        .addColumn('downloads', INT, (c) => c.notNull())
        .addColumn('max_uploads', INT)
        .addColumn('max_upload_bytes', INT)
        .addColumn('uploads', INT, (c) => c.notNull())
        .addColumn('created_at', INT, (c) => c.notNull())
        .addColumn('updated_at', INT, (c) => c.notNull())
        .addColumn('last_used_at', INT)
        .addUniqueConstraint('shares_key_hash', ['key_hash'])
        .execute();
      await addIndex(db, 'shares', ['user_id', 'id']);
      await addIndex(db, 'shares', ['entry_id', 'id']);

      await db.schema
        .createTable('share_visits')
        .addColumn('share_id', INT, (c) => c.notNull())
        .addColumn('visitor', HEX, (c) => c.notNull())
        .addColumn('until', INT, (c) => c.notNull())
        .addPrimaryKeyConstraint('share_visits_key', ['share_id', 'visitor'])
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();
      await addIndex(db, 'share_visits', ['until']);

      await db.schema
        .createTable('share_tries')
        .addColumn('name', NAME, (c) => c.primaryKey().notNull())
        .addColumn('count', INT, (c) => c.notNull())
        .addColumn('until', INT, (c) => c.notNull())
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();
      await addIndex(db, 'share_tries', ['until']);

      await db.schema
        .createTable('drive_tickets')
        .addColumn('hash', HEX, (c) => c.primaryKey().notNull())
        .addColumn('user_id', INT, (c) => c.notNull())
        .addColumn('session_id', INT, (c) => c.notNull())
        .addColumn('wish', TEXT, (c) => c.notNull())
        .addColumn('created_at', INT, (c) => c.notNull())
        .addColumn('expires_at', INT, (c) => c.notNull())
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();
      await addIndex(db, 'drive_tickets', ['user_id']);
      await addIndex(db, 'drive_tickets', ['expires_at']);
    },
  };
}
