import type { ColumnDataType } from 'kysely';

/** The column types that databases spell differently; everything else in a migration is portable. */
export interface ColumnTypes {
  /** Primary key that holds a 64-bit number given by core. */
  readonly idKey: ColumnDataType;
  /** Primary key that the database numbers, ascending and never reused. */
  readonly serialKey: ColumnDataType;
  /** The table option that stores rows in primary key order, where the database needs to be told; else empty. */
  readonly clusteredTable: string;
  /** True when an index can leave out rows that are null in its first column. */
  readonly partialIndexes: boolean;
}
