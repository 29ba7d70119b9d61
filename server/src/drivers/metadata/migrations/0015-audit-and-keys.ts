import type { ColumnDataType } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';
import { addIndex } from './indexes.ts';
import { textTypes } from './text-types.ts';

const INT: ColumnDataType = 'bigint';

/** What an index of the audit log begins with, by its name; each goes on with time and id, in whose order it is read. */
const AUDIT_INDEXES = {
  audit_at: [],
  audit_actor: ['actor_id'],
  audit_action: ['action'],
  audit_subject: ['subject_id'],
  audit_address: ['address'],
} as const;

/** Who did what; groups of people; and what service keys have beside scopes: limits, a former secret, where they were used last. */
export function auditAndKeys(types: ColumnTypes): Migration {
  const { TEXT, NAME, HEX } = textTypes(types);
  return {
    async up(db) {
      await db.schema
        .createTable('audit')
        .addColumn('id', types.serialKey, types.numbered)
        .addColumn('at', INT, (c) => c.notNull())
        .addColumn('actor_kind', HEX, (c) => c.notNull())
        .addColumn('actor_id', NAME)
        .addColumn('actor_name', NAME)
        .addColumn('action', HEX, (c) => c.notNull())
        .addColumn('subject_kind', HEX, (c) => c.notNull())
        .addColumn('subject_id', NAME)
        .addColumn('address', HEX)
        .addColumn('user_agent', NAME)
        .addColumn('request_id', NAME)
        .addColumn('outcome', HEX, (c) => c.notNull())
        .addColumn('detail', TEXT, (c) => c.notNull())
        .execute();
      for (const [name, columns] of Object.entries(AUDIT_INDEXES)) {
        await addIndex(db, 'audit', [...columns, 'at', 'id'], name);
      }
      await db.schema
        .createTable('user_groups')
        .addColumn('id', types.idKey, (c) => c.primaryKey().notNull())
        .addColumn('name', NAME, (c) => c.notNull())
        .addColumn('name_key', NAME, (c) => c.notNull())
        .addColumn('quota_bytes', INT)
        .addColumn('store', NAME)
        .addColumn('created_at', INT, (c) => c.notNull())
        .addColumn('updated_at', INT, (c) => c.notNull())
        .addUniqueConstraint('user_groups_name_key', ['name_key'])
        .execute();
      const added = [
        ['store', NAME],
        ['name_prefix', NAME],
        ['last_used_from', HEX],
        ['former_hash', HEX],
        ['former_until', INT],
        ['former_used_at', INT],
        ['rotated_at', INT],
      ] as const;
      for (const [name, type] of added) {
        await db.schema.alterTable('service_keys').addColumn(name, type).execute();
      }
    },
  };
}
