import { CompiledQuery, type Kysely, type RawBuilder } from 'kysely';
import type { Int } from './columns.ts';
import type { Tables } from './rows.ts';

/** The name of an entry as it is looked for. */
export interface IndexedName {
  readonly entry: bigint;
  readonly user: bigint;
  readonly tokens: readonly number[];
}

export interface Candidates {
  readonly user: bigint;
  readonly tokens: readonly number[];
  readonly before: bigint;
  readonly limit: number;
}

interface Compilable<R> {
  compile(): CompiledQuery<R>;
}

/** How a database finds entries by the tokens of their names; docs/decisions/0034 has the measurements. */
export interface NameIndexWay {
  create(db: Kysely<unknown>): Promise<void>;
  put(names: readonly IndexedName[]): readonly Compilable<unknown>[];
  /** Takes away names as they were put. */
  remove(names: readonly IndexedName[]): readonly Compilable<unknown>[];
  /** Entries that have all of the tokens, in descending order of ids. */
  candidates(wanted: Candidates): Compilable<{ readonly id: Int }>;
}

/** A query in this database's own words. */
export function on<R>(build: Kysely<Tables>, query: RawBuilder<R>): Compilable<R> {
  return { compile: () => query.compile(build) };
}

/** The same text every time, which costs nothing to build. */
export function fixed(sql: string, parameters: readonly unknown[]): Compilable<unknown> {
  return { compile: () => CompiledQuery.raw(sql, [...parameters]) };
}
