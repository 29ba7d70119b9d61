import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type SelectQueryBuilder,
  sql,
} from 'kysely';
import type { Tables } from '../../rows.ts';
import type { Dialect } from '../../session.ts';
import { replaceOnConflict, skipOnConflict } from '../on-conflict.ts';
import { arraysOfNames } from './name-index.ts';

type AnySelect = SelectQueryBuilder<Tables, keyof Tables, object>;

const over: Dialect['over'] = (driver) =>
  new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => driver,
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });

const build = over(new DummyDriver());

export const postgres: Dialect = {
  build,
  over,
  columnTypes: {
    idKey: 'bigint',
    serialKey: 'bigserial',
    numbered: (column) => column.primaryKey().notNull(),
    // The collation "C" orders and compares bytes, whatever the database's own is.
    text: sql`text collate "C"`,
    short: (length) => sql`${sql.raw(`varchar(${length})`)} collate "C"`,
    clusteredTable: '',
    partialIndexes: true,
    nameIndex: arraysOfNames(build),
    indexesBelongToTables: false,
  },
  findMigrationTable:
    "select 1 from information_schema.tables where table_schema = current_schema() and table_name = 'schema_migrations'",
  readBy: (table) => table,
  skipTaken: skipOnConflict,
  replaceTaken: replaceOnConflict,
  lockRows: <Q extends object>(query: Q) => (query as unknown as AnySelect).forUpdate() as unknown as Q,
  shareRows: <Q extends object>(query: Q) => (query as unknown as AnySelect).forShare() as unknown as Q,
  lockFreeRows: <Q extends object>(query: Q) =>
    (query as unknown as AnySelect).forUpdate().skipLocked() as unknown as Q,
};
