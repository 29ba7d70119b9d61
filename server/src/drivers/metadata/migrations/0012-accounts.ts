import { type ColumnDataType, type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { addIndex } from './indexes.ts';
import { textTypes } from './text-types.ts';

const INT: ColumnDataType = 'bigint';

type Db = Kysely<unknown>;

/** People, their sessions, and what lets somebody in once. */
export function accountTables(types: ColumnTypes): Migration {
  return {
    async up(db) {
      await users(db, types);
      await sessions(db, types);
      await oneTimeTokens(db, types);
      await secondFactors(db, types);
      await attempts(db, types);
    },
  };
}

async function users(db: Db, types: ColumnTypes): Promise<void> {
  const { TEXT, NAME, WORD } = textTypes(types);
  await db.schema
    .createTable('users')
    .addColumn('id', types.idKey, (c) => c.primaryKey().notNull())
    .addColumn('name', NAME, (c) => c.notNull())
    .addColumn('name_key', NAME, (c) => c.notNull())
    .addColumn('email', TEXT)
    .addColumn('email_key', types.short(320))
    .addColumn('email_verified_at', INT)
    .addColumn('display_name', TEXT, (c) => c.notNull())
    .addColumn('role', WORD, (c) => c.notNull())
    .addColumn('state', WORD, (c) => c.notNull())
    .addColumn('group_id', INT)
    .addColumn('quota_bytes', INT)
    .addColumn('password', TEXT)
    .addColumn('password_at', INT)
    .addColumn('auth_epoch', INT, (c) => c.notNull())
    .addColumn('created_at', INT, (c) => c.notNull())
    .addColumn('updated_at', INT, (c) => c.notNull())
    .addColumn('last_sign_in_at', INT)
    .addUniqueConstraint('users_name_key', ['name_key'])
    .addUniqueConstraint('users_email_key', ['email_key'])
    .execute();
  await addIndex(db, 'users', ['group_id', 'id']);
  await addIndex(db, 'users', ['role', 'state', 'id']);
}

async function sessions(db: Db, types: ColumnTypes): Promise<void> {
  const { TEXT, NAME, HEX } = textTypes(types);
  await db.schema
    .createTable('sessions')
    .addColumn('id', types.idKey, (c) => c.primaryKey().notNull())
    .addColumn('user_id', INT, (c) => c.notNull())
    .addColumn('how', types.short(64), (c) => c.notNull())
    .addColumn('created_at', INT, (c) => c.notNull())
    .addColumn('last_seen_at', INT, (c) => c.notNull())
    .addColumn('expires_at', INT, (c) => c.notNull())
    .addColumn('ended_at', INT)
    .addColumn('address', TEXT)
    .addColumn('agent', TEXT)
    .execute();
  await addIndex(db, 'sessions', ['user_id', 'id']);
  await addIndex(db, 'sessions', ['expires_at']);

  await db.schema
    .createTable('refresh_tokens')
    .addColumn('hash', HEX, (c) => c.primaryKey().notNull())
    .addColumn('session_id', INT, (c) => c.notNull())
    .addColumn('expires_at', INT, (c) => c.notNull())
    .addColumn('used_at', INT)
    .addColumn('nonce', NAME)
    .modifyEnd(sql.raw(types.clusteredTable))
    .execute();
  await addIndex(db, 'refresh_tokens', ['session_id']);
  await addIndex(db, 'refresh_tokens', ['expires_at']);
}

async function oneTimeTokens(db: Db, types: ColumnTypes): Promise<void> {
  const { TEXT, WORD, HEX } = textTypes(types);
  await db.schema
    .createTable('one_time_tokens')
    .addColumn('id', types.idKey, (c) => c.primaryKey().notNull())
    .addColumn('kind', WORD, (c) => c.notNull())
    .addColumn('hash', HEX, (c) => c.notNull())
    .addColumn('user_id', INT)
    .addColumn('data', TEXT, (c) => c.notNull())
    .addColumn('created_at', INT, (c) => c.notNull())
    .addColumn('expires_at', INT, (c) => c.notNull())
    .addColumn('used_at', INT)
    .addColumn('tries', INT, (c) => c.notNull())
    .addUniqueConstraint('one_time_tokens_hash', ['hash'])
    .execute();
  await addIndex(db, 'one_time_tokens', ['kind', 'id']);
  await addIndex(db, 'one_time_tokens', ['user_id', 'kind']);
  await addIndex(db, 'one_time_tokens', ['expires_at']);
}

async function secondFactors(db: Db, types: ColumnTypes): Promise<void> {
  const { TEXT, HEX } = textTypes(types);
  await db.schema
    .createTable('user_totp')
    .addColumn('user_id', types.idKey, (c) => c.primaryKey().notNull())
    .addColumn('secret', TEXT, (c) => c.notNull())
    .addColumn('confirmed_at', INT)
    .addColumn('last_step', INT, (c) => c.notNull())
    .addColumn('created_at', INT, (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('recovery_codes')
    .addColumn('user_id', INT, (c) => c.notNull())
    .addColumn('hash', HEX, (c) => c.notNull())
    .addColumn('used_at', INT)
    .addPrimaryKeyConstraint('recovery_codes_key', ['user_id', 'hash'])
    .modifyEnd(sql.raw(types.clusteredTable))
    .execute();
}

async function attempts(db: Db, types: ColumnTypes): Promise<void> {
  const { NAME } = textTypes(types);
  await db.schema
    .createTable('sign_in_attempts')
    .addColumn('key', NAME, (c) => c.primaryKey().notNull())
    .addColumn('count', INT, (c) => c.notNull())
    .addColumn('until', INT, (c) => c.notNull())
    .modifyEnd(sql.raw(types.clusteredTable))
    .execute();
  await addIndex(db, 'sign_in_attempts', ['until']);
}
