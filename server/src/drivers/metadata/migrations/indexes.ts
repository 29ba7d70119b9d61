import { type Kysely, sql } from 'kysely';
import type { ColumnTypes } from './column-types.ts';

type Db = Kysely<unknown>;

/** Named after the table and its columns unless it is told another name. */
export async function addIndex(
  db: Db,
  table: string,
  columns: readonly string[],
  name = `${table}_${columns.join('_')}`,
): Promise<void> {
  await indexOf(db, table, columns, name).execute();
}

/** An index for sweeps over the few rows that have a value in one column, where the database can leave out the others. */
export async function addSparseIndex(
  db: Db,
  types: ColumnTypes,
  column: `${string}.${string}`,
  { columns, name }: { readonly columns?: readonly string[]; readonly name?: string } = {},
): Promise<void> {
  const [table = '', given = ''] = column.split('.');
  const all = columns ?? [given];
  const index = indexOf(db, table, all, name ?? `${table}_${all.join('_')}`);
  await (types.partialIndexes ? index.where(sql.ref(given), 'is not', null) : index).execute();
}

function indexOf(db: Db, table: string, columns: readonly string[], name: string) {
  return db.schema
    .createIndex(name)
    .on(table)
    .columns([...columns]);
}
