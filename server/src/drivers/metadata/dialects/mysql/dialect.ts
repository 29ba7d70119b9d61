import {
  DummyDriver,
  Kysely,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  type SelectQueryBuilder,
  sql,
  type UpdateObject,
} from 'kysely';
import type { Tables } from '../../rows.ts';
import type { Column, Dialect, Insert } from '../../session.ts';
import { rowsOfNames } from './name-index.ts';

type AnySelect = SelectQueryBuilder<Tables, keyof Tables, object>;

const over: Dialect['over'] = (driver) =>
  new Kysely<Tables>({
    dialect: {
      createAdapter: () => new MysqlAdapter(),
      createDriver: () => driver,
      createIntrospector: (db) => new MysqlIntrospector(db),
      createQueryCompiler: () => new MysqlQueryCompiler(),
    },
  });

function replaceTaken<T extends keyof Tables>(
  query: Insert<T>,
  _columns: readonly Column<T>[],
  update: readonly Column<T>[],
): Insert<T> {
  const values = Object.fromEntries(update.map((column) => [column, sql`values(${sql.ref(column)})`]));
  return query.onDuplicateKeyUpdate(values as unknown as UpdateObject<Tables, T, T>);
}

/** `collation` compares bytes and takes trailing spaces for what they are; the two kinds of server call it differently. */
function dialectWith(collation: string): Dialect {
  const text = (type: string) => sql.raw(`${type} character set utf8mb4 collate ${collation}`);
  const build = over(new DummyDriver());
  return {
    build,
    over,
    columnTypes: {
      idKey: 'bigint',
      serialKey: 'bigint',
      numbered: (column) => column.primaryKey().autoIncrement().notNull(),
      text: text('mediumtext'),
      short: (length) => text(`varchar(${length})`),
      clusteredTable: '',
      partialIndexes: false,
      nameIndex: rowsOfNames(build),
      indexesBelongToTables: true,
    },
    findMigrationTable:
      "select 1 from information_schema.tables where table_schema = database() and table_name = 'schema_migrations'",
    // Left to itself it looks up what an owner or a store has, and then reads all of it from one end to where a page begins.
    readBy: <T extends keyof Tables>(table: T, index: string) =>
      sql`${sql.table(table)}`.as(sql`${sql.ref(table)} force index (${sql.ref(index)})`) as unknown as T,
    // The connection refuses whatever else IGNORE would let pass.
    skipTaken: (query) => query.ignore(),
    replaceTaken,
    lockRows: <Q extends object>(query: Q) => (query as unknown as AnySelect).forUpdate() as unknown as Q,
    // MariaDB has no FOR SHARE, and both kinds have this.
    shareRows: <Q extends object>(query: Q) =>
      (query as unknown as AnySelect).modifyEnd(sql`lock in share mode`) as unknown as Q,
    lockFreeRows: <Q extends object>(query: Q) =>
      (query as unknown as AnySelect).forUpdate().skipLocked() as unknown as Q,
  };
}

export const mariadb = dialectWith('utf8mb4_nopad_bin');
export const mysql = dialectWith('utf8mb4_0900_bin');
