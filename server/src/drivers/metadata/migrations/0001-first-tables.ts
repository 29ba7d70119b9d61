import { type ColumnDataType, type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { addIndex, addSparseIndex } from './indexes.ts';
import { textTypes } from './text-types.ts';

const INT: ColumnDataType = 'bigint';

/** References between tables are kept by purge and checked by fsck; foreign keys would cost a lookup in every insert. */
export function firstTables(types: ColumnTypes): Migration {
  return {
    async up(db) {
      await files(db, types);
      await uploads(db, types);
      await contents(db, types);
      await access(db, types);
      await tasks(db, types);
      await coordination(db, types);
    },
  };
}

type Db = Kysely<unknown>;

async function files(db: Db, types: ColumnTypes): Promise<void> {
  const { TEXT, NAME, WORD, HEX } = textTypes(types);
  await db.schema
    .createTable('files')
    .addColumn('uid', types.idKey, (c) => c.primaryKey().notNull())
    .addColumn('owner', NAME, (c) => c.notNull())
    .addColumn('name', TEXT, (c) => c.notNull())
    .addColumn('content_type', NAME, (c) => c.notNull())
    .addColumn('size', INT, (c) => c.notNull())
    .addColumn('state', WORD, (c) => c.notNull())
    .addColumn('rejected_reason', TEXT)
    .addColumn('manifest_id', INT, (c) => c.notNull())
    .addColumn('generation', INT, (c) => c.notNull())
    .addColumn('link_epoch', INT, (c) => c.notNull())
    .addColumn('md5', HEX)
    .addColumn('sha256', HEX)
    .addColumn('verified', INT, (c) => c.notNull())
    .addColumn('created_at', INT, (c) => c.notNull())
    .addColumn('updated_at', INT, (c) => c.notNull())
    .addColumn('deleted_at', INT)
    .execute();
  await addIndex(db, 'files', ['owner', 'uid']);
  await addIndex(db, 'files', ['manifest_id', 'owner']);
  await addSparseIndex(db, types, 'files.deleted_at');
}

async function uploads(db: Db, types: ColumnTypes): Promise<void> {
  const { TEXT, NAME, WORD, HEX } = textTypes(types);
  await db.schema
    .createTable('uploads')
    .addColumn('uid', types.idKey, (c) => c.primaryKey().notNull())
    .addColumn('owner', NAME, (c) => c.notNull())
    .addColumn('name', TEXT, (c) => c.notNull())
    .addColumn('state', WORD, (c) => c.notNull())
    .addColumn('size', INT)
    .addColumn('md5', HEX)
    .addColumn('sha256', HEX)
    .addColumn('content_type', NAME)
    .addColumn('part_size', INT, (c) => c.notNull())
    .addColumn('created_at', INT, (c) => c.notNull())
    .addColumn('expires_at', INT, (c) => c.notNull())
    .addColumn('ended_at', INT)
    .execute();
  await addIndex(db, 'uploads', ['state', 'expires_at']);
  await addSparseIndex(db, types, 'uploads.ended_at');

  await db.schema
    .createTable('upload_parts')
    .addColumn('upload_uid', INT, (c) => c.notNull())
    .addColumn('number', INT, (c) => c.notNull())
    .addColumn('blob_id', INT, (c) => c.notNull())
    .addColumn('size', INT, (c) => c.notNull())
    .addColumn('md5', HEX)
    .addColumn('sha256', HEX, (c) => c.notNull())
    .addColumn('content_type', NAME)
    .addColumn('created_at', INT, (c) => c.notNull())
    .addPrimaryKeyConstraint('upload_parts_key', ['upload_uid', 'number'])
    .modifyEnd(sql.raw(types.clusteredTable))
    .execute();
  await addIndex(db, 'upload_parts', ['blob_id']);
}

async function contents(db: Db, types: ColumnTypes): Promise<void> {
  const { NAME, HEX } = textTypes(types);
  await db.schema
    .createTable('blobs')
    .addColumn('id', types.idKey, (c) => c.primaryKey().notNull())
    .addColumn('identity', types.short(96))
    .addColumn('sha256', HEX, (c) => c.notNull())
    .addColumn('md5', HEX)
    .addColumn('sha1', HEX)
    .addColumn('size', INT, (c) => c.notNull())
    .addColumn('created_at', INT, (c) => c.notNull())
    .addColumn('idle_since', INT)
    .addUniqueConstraint('blobs_identity', ['identity'])
    .execute();
  await addSparseIndex(db, types, 'blobs.idle_since');

  await db.schema
    .createTable('placements')
    .addColumn('id', types.serialKey, types.numbered)
    .addColumn('store', NAME, (c) => c.notNull())
    .addColumn('node', NAME)
    .addColumn('key', NAME, (c) => c.notNull())
    .addColumn('blob_id', INT)
    .addColumn('doomed_at', INT)
    .addUniqueConstraint('placements_store_key', ['store', 'key'])
    .execute();
  await addIndex(db, 'placements', ['blob_id']);
  await addSparseIndex(db, types, 'placements.doomed_at');

  await db.schema
    .createTable('manifests')
    .addColumn('id', types.idKey, (c) => c.primaryKey().notNull())
    .addColumn('size', INT, (c) => c.notNull())
    .addColumn('sha256', HEX)
    .addColumn('md5', HEX)
    .addColumn('sha1', HEX)
    .addColumn('verified', INT, (c) => c.notNull())
    .addColumn('created_at', INT, (c) => c.notNull())
    .addColumn('idle_since', INT)
    .execute();
  await addIndex(db, 'manifests', ['md5']);
  await addIndex(db, 'manifests', ['sha256', 'size']);
  await addSparseIndex(db, types, 'manifests.idle_since');

  await db.schema
    .createTable('manifest_parts')
    .addColumn('manifest_id', INT, (c) => c.notNull())
    .addColumn('seq', INT, (c) => c.notNull())
    .addColumn('blob_id', INT, (c) => c.notNull())
    .addColumn('size', INT, (c) => c.notNull())
    .addPrimaryKeyConstraint('manifest_parts_key', ['manifest_id', 'seq'])
    .modifyEnd(sql.raw(types.clusteredTable))
    .execute();
  await addIndex(db, 'manifest_parts', ['blob_id']);
}

async function access(db: Db, types: ColumnTypes): Promise<void> {
  const { TEXT, NAME, WORD, HEX } = textTypes(types);
  await db.schema
    .createTable('links')
    .addColumn('id', NAME, (c) => c.primaryKey().notNull())
    .addColumn('uid', INT, (c) => c.notNull())
    .addColumn('owner', NAME, (c) => c.notNull())
    .addColumn('scope', WORD, (c) => c.notNull())
    .addColumn('disposition', WORD, (c) => c.notNull())
    .addColumn('expires_at', INT, (c) => c.notNull())
    .addColumn('max_uses', INT)
    .addColumn('uses', INT, (c) => c.notNull())
    .addColumn('created_at', INT, (c) => c.notNull())
    .addColumn('revoked_at', INT)
    .modifyEnd(sql.raw(types.clusteredTable))
    .execute();
  await addIndex(db, 'links', ['uid', 'created_at']);
  await addIndex(db, 'links', ['expires_at']);

  await db.schema
    .createTable('service_keys')
    .addColumn('id', NAME, (c) => c.primaryKey().notNull())
    .addColumn('name', TEXT, (c) => c.notNull())
    .addColumn('owner', NAME, (c) => c.notNull())
    .addColumn('scopes', TEXT, (c) => c.notNull())
    .addColumn('secret_hash', HEX, (c) => c.notNull())
    .addColumn('created_at', INT, (c) => c.notNull())
    .addColumn('expires_at', INT)
    .addColumn('revoked_at', INT)
    .addColumn('last_used_at', INT)
    .modifyEnd(sql.raw(types.clusteredTable))
    .execute();

  await db.schema
    .createTable('idempotency')
    .addColumn('owner', NAME, (c) => c.notNull())
    .addColumn('key', NAME, (c) => c.notNull())
    .addColumn('fingerprint', NAME, (c) => c.notNull())
    .addColumn('uid', INT, (c) => c.notNull())
    .addColumn('created_at', INT, (c) => c.notNull())
    .addPrimaryKeyConstraint('idempotency_key', ['owner', 'key'])
    .modifyEnd(sql.raw(types.clusteredTable))
    .execute();
  await addIndex(db, 'idempotency', ['created_at']);
}

async function tasks(db: Db, types: ColumnTypes): Promise<void> {
  const { TEXT, NAME, WORD } = textTypes(types);
  await db.schema
    .createTable('tasks')
    .addColumn('id', types.idKey, (c) => c.primaryKey().notNull())
    .addColumn('type', types.short(64), (c) => c.notNull())
    .addColumn('key', NAME, (c) => c.notNull())
    .addColumn('live_key', types.short(320))
    .addColumn('payload', TEXT, (c) => c.notNull())
    .addColumn('state', WORD, (c) => c.notNull())
    .addColumn('run_at', INT, (c) => c.notNull())
    .addColumn('attempts', INT, (c) => c.notNull())
    .addColumn('max_attempts', INT, (c) => c.notNull())
    .addColumn('fence', INT, (c) => c.notNull())
    .addColumn('node', NAME)
    .addColumn('lease_until', INT)
    .addColumn('last_error', TEXT)
    .addColumn('created_at', INT, (c) => c.notNull())
    .addColumn('updated_at', INT, (c) => c.notNull())
    .addColumn('ended_at', INT)
    .addUniqueConstraint('tasks_live_key', ['live_key'])
    .execute();
  await addIndex(db, 'tasks', ['type', 'state', 'run_at']);
  await addIndex(db, 'tasks', ['type', 'created_at']);
  await addIndex(db, 'tasks', ['state', 'created_at']);
  await addIndex(db, 'tasks', ['created_at']);
  await addSparseIndex(db, types, 'tasks.ended_at');

  await db.schema
    .createTable('task_attempts')
    .addColumn('task_id', INT, (c) => c.notNull())
    .addColumn('fence', INT, (c) => c.notNull())
    .addColumn('node', NAME, (c) => c.notNull())
    .addColumn('started_at', INT, (c) => c.notNull())
    .addColumn('finished_at', INT)
    .addColumn('outcome', WORD, (c) => c.notNull())
    .addColumn('error', TEXT)
    .addPrimaryKeyConstraint('task_attempts_key', ['task_id', 'fence'])
    .modifyEnd(sql.raw(types.clusteredTable))
    .execute();
}

async function coordination(db: Db, types: ColumnTypes): Promise<void> {
  const { TEXT, NAME } = textTypes(types);
  await db.schema
    .createTable('leases')
    .addColumn('name', NAME, (c) => c.primaryKey().notNull())
    .addColumn('holder', NAME)
    .addColumn('fence', INT, (c) => c.notNull())
    .addColumn('expires_at', INT, (c) => c.notNull())
    .addColumn('value', INT, (c) => c.notNull())
    .modifyEnd(sql.raw(types.clusteredTable))
    .execute();

  await db.schema
    .createTable('nodes')
    .addColumn('id', NAME, (c) => c.primaryKey().notNull())
    .addColumn('address', NAME, (c) => c.notNull())
    .addColumn('version', NAME, (c) => c.notNull())
    .addColumn('started_at', INT, (c) => c.notNull())
    .addColumn('heartbeat_at', INT, (c) => c.notNull())
    .modifyEnd(sql.raw(types.clusteredTable))
    .execute();
  await addIndex(db, 'nodes', ['heartbeat_at']);

  await db.schema
    .createTable('messages')
    .addColumn('id', types.serialKey, types.numbered)
    .addColumn('topic', NAME, (c) => c.notNull())
    .addColumn('message', TEXT, (c) => c.notNull())
    .addColumn('at', INT, (c) => c.notNull())
    .execute();
  await addIndex(db, 'messages', ['at']);
}
