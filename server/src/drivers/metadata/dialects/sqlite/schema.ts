import { Migrator } from 'kysely/migration';
import { OsproxyError } from '#core/errors.ts';
import type { SchemaState } from '#core/ports/metadata.ts';
import { migrationsFor } from '../../migrations/index.ts';
import type { Session } from '../../session.ts';
import { runQuery } from '../../statement.ts';
import { whenFree } from './busy.ts';
import type { SqliteConnection } from './connection.ts';
import { kyselyOn, sqlite } from './dialect.ts';
import { translate } from './errors.ts';

/** Another process may be migrating a large database. */
const LOCK_MS = 120_000;

const MIGRATIONS = migrationsFor(sqlite.columnTypes);

/** What is applied and what is missing; a database without any table has nothing applied. */
export async function readSchema(session: Session): Promise<SchemaState> {
  const tables = await session.execute(
    "select name from sqlite_master where type = 'table' and name = 'schema_migrations'",
    [],
  );
  if (tables.rows.length === 0) return { applied: [], pending: Object.keys(MIGRATIONS).sort() };
  const query = sqlite.build.selectFrom('schema_migrations').select('name').orderBy('name');
  const applied = (await runQuery(session, query)).rows.map((row) => row.name);
  const pending = Object.keys(MIGRATIONS)
    .sort()
    .filter((name) => !applied.includes(name));
  return { applied, pending };
}

/** Throws Conflict when the database was migrated by a build that knows more than this one. */
export function refuseNewer(state: SchemaState): void {
  const unknown = state.applied.filter((name) => !Object.hasOwn(MIGRATIONS, name));
  if (unknown.length === 0) return;
  throw new OsproxyError(
    'Conflict',
    `The database is newer than this build: it has the migration "${unknown.join('", "')}"; start a build that knows it.`,
    { details: { unknown } },
  );
}

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
    refuseNewer(before);
    if (before.pending.length > 0) {
      const migrator = new Migrator({
        db: kyselyOn(connection),
        provider: { getMigrations: async () => ({ ...MIGRATIONS }) },
        migrationTableName: 'schema_migrations',
        migrationLockTableName: 'schema_migrations_lock',
      });
      const { error } = await migrator.migrateToLatest();
      if (error !== undefined) throw error;
    }
    const after = await readSchema(session);
    connection.execute('commit', []);
    return after;
  } catch (error) {
    if (connection.inTransaction) connection.execute('rollback', []);
    throw translate(error);
  }
}
