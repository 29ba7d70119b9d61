import type { ColumnType } from 'kysely';

/** A 64-bit integer as any driver may represent it. */
export type Int = number | bigint | string;

export type Id = ColumnType<Int, bigint, bigint>;
export type OptionalId = ColumnType<Int | null, bigint | null, bigint | null>;
export type Num = ColumnType<Int, number, Int>;
export type OptionalNum = ColumnType<Int | null, number | null, Int | null>;
