import { type CompiledQuery, type DatabaseConnection, DummyDriver, type QueryResult } from 'kysely';
import { OsproxyError } from '#core/errors.ts';
import type { PlannedMigration, SchemaState } from '#core/ports/metadata.ts';
import type { Dialect, Session } from '../session.ts';
import { runQuery } from '../statement.ts';
import { migrationsFor } from './index.ts';

type Execute = Session['execute'];

/**
 * What is applied and what is missing; a database without the table of migrations has nothing applied. Throws Conflict when it was migrated by a
 * build that knows more than this one.
 */
export async function readSchema(session: Session): Promise<SchemaState> {
  const { dialect } = session;
  const tables = await session.execute(dialect.findMigrationTable, []);
  const known = Object.keys(migrationsFor(dialect.columnTypes)).sort();
  if (tables.rows.length === 0) return { applied: [], pending: known };
  const query = dialect.build.selectFrom('schema_migrations').select('name').orderBy('name');
  const applied = (await runQuery(session, query)).rows.map((row) => row.name);
  refuseNewer(applied.filter((name) => !known.includes(name)));
  return { applied, pending: known.filter((name) => !applied.includes(name)) };
}

function refuseNewer(unknown: readonly string[]): void {
  if (unknown.length === 0) return;
  throw new OsproxyError(
    'Conflict',
    `The database is newer than this build: it has the migration "${unknown.join('", "')}"; start a build that knows it.`,
    { details: { unknown } },
  );
}

/** Applies what is missing, in order, and notes each name after its statements; the caller excludes others meanwhile. */
export async function applyPending(session: Session, pending: readonly string[]): Promise<void> {
  const { dialect } = session;
  const migrations = migrationsFor(dialect.columnTypes);
  const db = dialect.over(new ExecuteDriver((sql, parameters) => session.execute(sql, parameters)));
  const { short } = dialect.columnTypes;
  await db.schema
    .createTable('schema_migrations')
    .ifNotExists()
    .addColumn('name', short(255), (column) => column.primaryKey().notNull())
    .addColumn('timestamp', short(255), (column) => column.notNull())
    .execute();
  for (const name of pending) {
    await migrations[name]?.up(db);
    await db.insertInto('schema_migrations').values({ name, timestamp: new Date().toISOString() }).execute();
  }
}

/** The statements of the named migrations, without running them. */
export async function planOf(
  dialect: Dialect,
  pending: readonly string[],
): Promise<readonly PlannedMigration[]> {
  const migrations = migrationsFor(dialect.columnTypes);
  const planned: PlannedMigration[] = [];
  for (const name of pending) {
    const statements: string[] = [];
    const keep: Execute = async (sql) => {
      statements.push(sql.trim());
      return { rows: [], changes: 0 };
    };
    await migrations[name]?.up(dialect.over(new ExecuteDriver(keep)));
    planned.push({ name, statements });
  }
  return planned;
}

/** A driver whose every statement goes through one function; transactions are somebody else's. */
class ExecuteDriver extends DummyDriver {
  readonly #execute: Execute;

  constructor(execute: Execute) {
    super();
    this.#execute = execute;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    const execute = this.#execute;
    return {
      executeQuery: async <R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> => {
        const { rows, changes } = await execute(sql, parameters);
        return { rows: rows as R[], numAffectedRows: BigInt(changes) };
      },
      // biome-ignore lint/correctness/useYield: a driver must have the member; migrations stream nothing.
      streamQuery: async function* () {
        throw new OsproxyError('Unsupported', 'Rows are read in pages, never streamed.');
      },
    };
  }
}
