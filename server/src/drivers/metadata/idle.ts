import { Statement } from './statement.ts';

/**
 * Rows idle since `cutoff` or longer, locked first and judged by later statements, so that a claim either came before and is seen, or waits;
 * a row that is being claimed now is left for later.
 */
export function lockIdleIn(table: 'blobs' | 'manifests') {
  return new Statement((dialect, p: { cutoff: number; limit: number }) =>
    dialect.lockFreeRows(
      dialect.build
        .selectFrom(table)
        .select('id')
        .where('idle_since', '<=', p.cutoff)
        .orderBy('idle_since')
        .limit(p.limit),
    ),
  );
}
