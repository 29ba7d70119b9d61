import { type ColumnDataType, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { textTypes } from './text-types.ts';

const INT: ColumnDataType = 'bigint';

/** Who users are at other services, and sign-ins there that have not come back yet. */
export function identityTables(types: ColumnTypes): Migration {
  const { TEXT, WORD, HEX } = textTypes(types);
  return {
    async up(db) {
      await db.schema
        .createTable('identities')
        .addColumn('id', types.idKey, (c) => c.primaryKey().notNull())
        .addColumn('user_id', INT, (c) => c.notNull())
        .addColumn('provider', WORD, (c) => c.notNull())
        .addColumn('subject_key', HEX, (c) => c.notNull())
        .addColumn('issuer', TEXT, (c) => c.notNull())
        .addColumn('subject', TEXT, (c) => c.notNull())
        .addColumn('email', TEXT)
        .addColumn('name', TEXT)
        .addColumn('linked_at', INT, (c) => c.notNull())
        .addColumn('last_used_at', INT)
        .addUniqueConstraint('identities_subject', ['provider', 'subject_key'])
        .execute();
      await db.schema.createIndex('identities_user').on('identities').columns(['user_id', 'id']).execute();

      await db.schema
        .createTable('pending_sign_ins')
        .addColumn('hash', HEX, (c) => c.primaryKey().notNull())
        .addColumn('provider', WORD, (c) => c.notNull())
        .addColumn('browser', HEX, (c) => c.notNull())
        .addColumn('verifier', HEX, (c) => c.notNull())
        .addColumn('nonce', HEX, (c) => c.notNull())
        .addColumn('redirect_uri', TEXT, (c) => c.notNull())
        .addColumn('return_to', TEXT, (c) => c.notNull())
        .addColumn('challenge', HEX)
        .addColumn('user_id', INT)
        .addColumn('session_id', INT)
        .addColumn('expires_at', INT, (c) => c.notNull())
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();
      await db.schema
        .createIndex('pending_sign_ins_expiry')
        .on('pending_sign_ins')
        .column('expires_at')
        .execute();

      await db.schema
        .createTable('sign_in_codes')
        .addColumn('hash', HEX, (c) => c.primaryKey().notNull())
        .addColumn('user_id', INT, (c) => c.notNull())
        .addColumn('provider', WORD, (c) => c.notNull())
        .addColumn('challenge', HEX, (c) => c.notNull())
        .addColumn('expires_at', INT, (c) => c.notNull())
        .modifyEnd(sql.raw(types.clusteredTable))
        .execute();
      await db.schema.createIndex('sign_in_codes_expiry').on('sign_in_codes').column('expires_at').execute();
    },
  };
}
