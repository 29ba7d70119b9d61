import type { Driver, InsertQueryBuilder, InsertResult, Kysely } from 'kysely';
import type { ColumnTypes } from './migrations/column-types.ts';
import type { Tables } from './rows.ts';

export interface Result<R> {
  readonly rows: readonly R[];
  /** Rows that an insert, update or delete touched. */
  readonly changes: number;
}

export type Insert<T extends keyof Tables> = InsertQueryBuilder<Tables, T, InsertResult>;
export type Column<T extends keyof Tables> = keyof Tables[T] & string;

/** What differs between databases; one constant per database. */
export interface Dialect {
  /** Compiles queries, never runs them. */
  readonly build: Kysely<Tables>;
  /** A Kysely of this dialect that runs its queries on `driver`. */
  over(driver: Driver): Kysely<Tables>;
  /** A query that has a row when the table of applied migrations is there. */
  readonly findMigrationTable: string;
  readonly columnTypes: ColumnTypes;
  /** The table in a FROM, read as a range of this index up to its last condition, for pages that begin in the middle. */
  readBy<T extends keyof Tables>(table: T, index: string): T;
  /** An insert that changes nothing, without an error, when `columns` are taken. */
  skipTaken<T extends keyof Tables>(query: Insert<T>, columns: readonly Column<T>[]): Insert<T>;
  /** An insert that writes `update` into the row that has `columns` already. */
  replaceTaken<T extends keyof Tables>(
    query: Insert<T>,
    columns: readonly Column<T>[],
    update: readonly Column<T>[],
  ): Insert<T>;
  /** A select that keeps others from changing its rows until the transaction ends. */
  lockRows<Q extends object>(query: Q): Q;
  /** A select that lets others do the same, and keeps them from changing its rows until the transaction ends. */
  shareRows<Q extends object>(query: Q): Q;
  /** As lockRows, but leaves out rows that somebody else has locked at the moment instead of waiting for them. */
  lockFreeRows<Q extends object>(query: Q): Q;
}

/** Where queries run: outside transactions on committed data, or inside one transaction. Rejects with OsproxyError only. */
export interface Session {
  readonly dialect: Dialect;
  execute(sql: string, parameters: readonly unknown[]): Promise<Result<unknown>>;
  /**
   * Leaves a statement that answers nothing for the end of the transaction, in the order of the calls; where this is missing it is run at once. For an index that
   * takes many rows together with much less work than one by one. What it would have changed cannot be seen in this transaction.
   */
  atCommit?(sql: string, parameters: readonly unknown[]): void;
}
