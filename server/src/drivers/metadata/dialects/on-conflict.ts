import type { Tables } from '../rows.ts';
import type { Column, Insert } from '../session.ts';

/** An insert with ON CONFLICT … DO NOTHING, for databases that have it. */
export function skipOnConflict<T extends keyof Tables>(
  query: Insert<T>,
  columns: readonly Column<T>[],
): Insert<T> {
  return query.onConflict((conflict) => conflict.columns(columns).doNothing());
}

/** An insert with ON CONFLICT … DO UPDATE, for databases that have it. */
export function replaceOnConflict<T extends keyof Tables>(
  query: Insert<T>,
  columns: readonly Column<T>[],
  update: readonly Column<T>[],
): Insert<T> {
  return query.onConflict((conflict) =>
    conflict
      .columns(columns)
      .doUpdateSet(
        (eb) =>
          Object.fromEntries(
            update.map((column) => [column, eb.ref(`excluded.${column}` as never)]),
          ) as never,
      ),
  );
}
