import { type ColumnDataType, type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { addIndex, addSparseIndex } from './indexes.ts';
import { textTypes } from './text-types.ts';

const INT: ColumnDataType = 'bigint';

/** What people have: folders and files in them, earlier versions, uploads under way, and the tasks that copy and remove large trees. */
export function driveTables(types: ColumnTypes): Migration {
  return {
    async up(db) {
      await drives(db, types);
      await entries(db, types);
      await versions(db, types);
      await jobs(db, types);
    },
  };
}

type Db = Kysely<unknown>;

async function drives(db: Db, types: ColumnTypes): Promise<void> {
  const { NAME, WORD } = textTypes(types);
  await db.schema
    .createTable('drives')
    .addColumn('user_id', types.idKey, (c) => c.primaryKey().notNull())
    .addColumn('root_id', INT, (c) => c.notNull())
    .addColumn('used_bytes', INT, (c) => c.notNull())
    .addColumn('reserved_bytes', INT, (c) => c.notNull())
    .addColumn('files', INT, (c) => c.notNull())
    .addColumn('changes', INT, (c) => c.notNull())
    .addColumn('created_at', INT, (c) => c.notNull())
    .addColumn('ended_at', INT)
    .execute();
  await db.schema
    .createTable('drive_uploads')
    .addColumn('uid', types.idKey, (c) => c.primaryKey().notNull())
    .addColumn('user_id', INT, (c) => c.notNull())
    .addColumn('parent_id', INT, (c) => c.notNull())
    .addColumn('name', NAME, (c) => c.notNull())
    .addColumn('conflict', WORD, (c) => c.notNull())
    .addColumn('size', INT, (c) => c.notNull())
    .addColumn('created_at', INT, (c) => c.notNull())
    .execute();
  await addIndex(db, 'drive_uploads', ['user_id', 'uid'], 'drive_uploads_user');
}

async function entries(db: Db, types: ColumnTypes): Promise<void> {
  const { TEXT, NAME } = textTypes(types);
  await db.schema
    .createTable('entries')
    .addColumn('id', types.idKey, (c) => c.primaryKey().notNull())
    .addColumn('user_id', INT, (c) => c.notNull())
    .addColumn('kind', INT, (c) => c.notNull())
    .addColumn('name', NAME, (c) => c.notNull())
    .addColumn('name_key', NAME, (c) => c.notNull())
    .addColumn('parent_id', INT)
    .addColumn('live_parent', INT)
    .addColumn('file_uid', INT)
    .addColumn('size', INT, (c) => c.notNull())
    .addColumn('content_type', NAME)
    .addColumn('version', INT, (c) => c.notNull())
    .addColumn('starred_at', INT)
    .addColumn('created_at', INT, (c) => c.notNull())
    .addColumn('modified_at', INT, (c) => c.notNull())
    .addColumn('updated_at', INT, (c) => c.notNull())
    .addColumn('trashed_at', INT)
    .addColumn('trashed_from', TEXT)
    .addColumn('job_id', INT)
    .execute();
  // What has no live parent is not compared: any number of such names may be equal.
  await db.schema
    .createIndex('entries_name')
    .unique()
    .on('entries')
    .columns(['live_parent', 'name_key'])
    .execute();
  await addIndex(db, 'entries', ['live_parent', 'kind', 'name_key', 'id'], 'entries_by_name');
  await addIndex(db, 'entries', ['live_parent', 'kind', 'size', 'id'], 'entries_by_size');
  await addIndex(db, 'entries', ['live_parent', 'kind', 'modified_at', 'id'], 'entries_by_time');
  await addIndex(db, 'entries', ['user_id', 'kind', 'modified_at', 'id'], 'entries_recent');
  await addSparseIndex(db, types, 'entries.starred_at', {
    columns: ['user_id', 'starred_at', 'id'],
    name: 'entries_starred',
  });
  await addSparseIndex(db, types, 'entries.trashed_at', {
    columns: ['user_id', 'trashed_at', 'id'],
    name: 'entries_trashed',
  });
  await addSparseIndex(db, types, 'entries.trashed_at', {
    columns: ['trashed_at', 'id'],
    name: 'entries_trashed_at',
  });
  await addSparseIndex(db, types, 'entries.file_uid', { name: 'entries_file' });
}

async function versions(db: Db, types: ColumnTypes): Promise<void> {
  const { NAME } = textTypes(types);
  await db.schema
    .createTable('entry_versions')
    .addColumn('entry_id', INT, (c) => c.notNull())
    .addColumn('version', INT, (c) => c.notNull())
    .addColumn('file_uid', INT, (c) => c.notNull())
    .addColumn('size', INT, (c) => c.notNull())
    .addColumn('content_type', NAME, (c) => c.notNull())
    .addColumn('modified_at', INT, (c) => c.notNull())
    .addPrimaryKeyConstraint('entry_versions_key', ['entry_id', 'version'])
    .modifyEnd(sql.raw(types.clusteredTable))
    .execute();
}

async function jobs(db: Db, types: ColumnTypes): Promise<void> {
  const { TEXT, NAME, WORD } = textTypes(types);
  await db.schema
    .createTable('drive_jobs')
    .addColumn('id', types.idKey, (c) => c.primaryKey().notNull())
    .addColumn('user_id', INT, (c) => c.notNull())
    .addColumn('kind', WORD, (c) => c.notNull())
    .addColumn('state', WORD, (c) => c.notNull())
    .addColumn('error', TEXT)
    .addColumn('source_id', INT)
    .addColumn('parent_id', INT)
    .addColumn('name', NAME)
    .addColumn('conflict', WORD)
    .addColumn('staging_id', INT)
    .addColumn('reserved', INT, (c) => c.notNull())
    .addColumn('done', INT, (c) => c.notNull())
    .addColumn('total', INT)
    .addColumn('created_at', INT, (c) => c.notNull())
    .addColumn('ended_at', INT)
    .execute();
  await addIndex(db, 'drive_jobs', ['ended_at', 'id'], 'drive_jobs_ended');
  await db.schema
    .createTable('drive_queue')
    .addColumn('job_id', INT, (c) => c.notNull())
    .addColumn('folder_id', INT, (c) => c.notNull())
    .addColumn('source_id', INT)
    .addColumn('after', NAME)
    .addPrimaryKeyConstraint('drive_queue_key', ['job_id', 'folder_id'])
    .modifyEnd(sql.raw(types.clusteredTable))
    .execute();
}
