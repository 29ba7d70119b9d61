import type { ColumnDataType, ColumnDefinitionBuilder, Expression } from 'kysely';
import type { NameIndexWay } from '../name-index-way.ts';

type Type = ColumnDataType | Expression<unknown>;

/** The column types that databases spell differently; everything else in a migration is portable. Text compares byte for byte. */
export interface ColumnTypes {
  /** Primary key that holds a 64-bit number given by core. */
  readonly idKey: ColumnDataType;
  /** Primary key that the database numbers, ascending and never reused. */
  readonly serialKey: ColumnDataType;
  /** What makes a column of type serialKey the numbered primary key. */
  numbered(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder;
  /** Text of any length that is never indexed. */
  readonly text: Type;
  /** Text of at most `length` characters that may be indexed. */
  short(length: number): Type;
  /** The table option that stores rows in primary key order, where the database needs to be told; else empty. */
  readonly clusteredTable: string;
  /** True when an index can leave out rows that are null in its first column. */
  readonly partialIndexes: boolean;
  readonly nameIndex: NameIndexWay;
  /** True when dropping an index takes the name of its table. */
  readonly indexesBelongToTables: boolean;
}
