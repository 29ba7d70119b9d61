import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector } from 'kysely';
import type { Tables } from '../../rows.ts';
import type { Dialect } from '../../session.ts';
import { replaceOnConflict, skipOnConflict } from '../on-conflict.ts';
import { fullTextNames } from './name-index.ts';
import { StableQueryCompiler } from './query-compiler.ts';

const over: Dialect['over'] = (driver) =>
  new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => driver,
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new StableQueryCompiler(),
    },
  });

const build = over(new DummyDriver());

export const sqlite: Dialect = {
  build,
  over,
  columnTypes: {
    idKey: 'integer',
    serialKey: 'integer',
    numbered: (column) => column.primaryKey().autoIncrement().notNull(),
    text: 'text',
    short: (length) => `varchar(${length})`,
    clusteredTable: 'without rowid',
    partialIndexes: true,
    nameIndex: fullTextNames(build),
    indexesBelongToTables: false,
  },
  findMigrationTable: "select name from sqlite_master where type = 'table' and name = 'schema_migrations'",
  readBy: (table) => table,
  skipTaken: skipOnConflict,
  replaceTaken: replaceOnConflict,
  // BEGIN IMMEDIATE holds the only write lock there is.
  lockRows: (query) => query,
  shareRows: (query) => query,
  lockFreeRows: (query) => query,
};
