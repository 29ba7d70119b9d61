import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  DummyDriver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { OsproxyError } from '#core/errors.ts';
import type { Tables } from '../../rows.ts';
import type { Dialect } from '../../session.ts';
import type { SqliteConnection } from './connection.ts';

/** Kysely over one open connection. */
function kyselyOver<T>(createDriver: () => Driver): Kysely<T> {
  return new Kysely<T>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver,
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

/** Kysely that runs on a connection whose life and transactions are somebody else's; used by the migrator. */
export function kyselyOn(connection: SqliteConnection): Kysely<Tables> {
  return kyselyOver(() => new BorrowedDriver(connection));
}

class BorrowedDriver implements Driver {
  readonly #connection: SqliteConnection;

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new KyselyConnection(this.#connection);
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {}
}

class KyselyConnection implements DatabaseConnection {
  readonly #connection: SqliteConnection;

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changes } = this.#connection.execute(query.sql, query.parameters);
    return { rows: rows as R[], numAffectedRows: BigInt(changes) };
  }

  // biome-ignore lint/correctness/useYield: a driver must have the member; nothing here streams rows.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new OsproxyError('Unsupported', 'Rows are read in pages, never streamed.');
  }
}

export const sqlite: Dialect = {
  build: kyselyOver<Tables>(() => new DummyDriver()),
  columnTypes: {
    idKey: 'integer',
    serialKey: 'integer',
    clusteredTable: 'without rowid',
    partialIndexes: true,
  },
  skipTaken: (query, columns) => query.onConflict((conflict) => conflict.columns(columns).doNothing()),
  replaceTaken: (query, columns, update) =>
    query.onConflict((conflict) =>
      conflict
        .columns(columns)
        .doUpdateSet(
          (eb) =>
            Object.fromEntries(
              update.map((column) => [column, eb.ref(`excluded.${column}` as never)]),
            ) as never,
        ),
    ),
  // BEGIN IMMEDIATE holds the only write lock there is.
  lockRows: (query) => query,
};
