import type { SchemaState } from '#core/ports/metadata.ts';
import { applyPending, readSchema } from '../../migrations/schema.ts';
import type { Session } from '../../session.ts';
import { whenFree } from './busy.ts';
import type { SqliteConnection } from './connection.ts';
import { sqlite } from './dialect.ts';
import { translate } from './errors.ts';

/** Another process may be migrating a large database. */
const LOCK_MS = 120_000;

/**
 * Applies what is missing in one transaction that holds the write lock: of several processes one does the work, the others wait and find
 * nothing to do, and a migration that fails leaves nothing behind.
 */
export async function applyMigrations(connection: SqliteConnection): Promise<SchemaState> {
  await whenFree(() => connection.execute('begin immediate', []), LOCK_MS);
  try {
    const session: Session = {
      dialect: sqlite,
      execute: async (sql, parameters) => connection.execute(sql, parameters),
    };
    const before = await readSchema(session);
    if (before.pending.length > 0) await applyPending(session, before.pending);
    const after = await readSchema(session);
    connection.execute('commit', []);
    return after;
  } catch (error) {
    if (connection.inTransaction) connection.execute('rollback', []);
    throw translate(error);
  }
}
