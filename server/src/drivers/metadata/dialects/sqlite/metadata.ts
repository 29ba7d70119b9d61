import { OsproxyError } from '#core/errors.ts';
import type { Logger } from '#core/ports/logger.ts';
import type {
  Metadata,
  MetadataReader,
  MetadataWriter,
  PlannedMigration,
  SchemaState,
} from '#core/ports/metadata.ts';
import { planOf, readSchema } from '../../migrations/schema.ts';
import { Repositories } from '../../repositories.ts';
import type { Result, Session } from '../../session.ts';
import { whenFree } from './busy.ts';
import { type CheckpointLimits, Checkpoints, DEFAULT_CHECKPOINT_LIMITS } from './checkpoints.ts';
import type { SqliteConnection } from './connection.ts';
import { sqlite } from './dialect.ts';
import { type OpenDatabase, openDatabase } from './open.ts';
import { applyMigrations } from './schema.ts';
import { type SyncFile, syncFile, WalSync } from './wal-sync.ts';
import { WriteQueue } from './write-queue.ts';

const READ_BUSY_MS = 10_000;

export interface SqliteOptions {
  readonly logger: Logger;
  /** Makes a file's written bytes durable; default fdatasync. */
  readonly sync?: SyncFile;
  readonly checkpoints?: Partial<CheckpointLimits>;
}

/**
 * Reads of committed data. A commit can be seen here some milliseconds before it is durable; its writer is told only after. While no transaction is open the
 * writer's connection reads, for its cache outlives its own commits; every other connection reads the pages anew after each.
 */
class ReadSession implements Session {
  readonly dialect = sqlite;
  readonly #reader: SqliteConnection;
  readonly #writer: SqliteConnection;

  constructor({ reader, writer }: OpenDatabase) {
    this.#reader = reader;
    this.#writer = writer;
  }

  async execute(sql: string, parameters: readonly unknown[]): Promise<Result<unknown>> {
    return whenFree(() => this.#connection(sql).execute(sql, parameters), READ_BUSY_MS);
  }

  /** What is not plainly a read goes to the connection that refuses to write. */
  #connection(sql: string): SqliteConnection {
    return this.#writer.inTransaction || !sql.startsWith('select ') ? this.#reader : this.#writer;
  }
}

/** Metadata in one SQLite file; several processes of one machine may open it. */
export class SqliteMetadata extends Repositories implements Metadata {
  readonly relaxed: MetadataReader = this;
  readonly replicas = undefined;
  readonly #database: OpenDatabase;
  readonly #session: Session;
  readonly #sync: WalSync;
  readonly #queue: WriteQueue;
  readonly #checkpoints: Checkpoints;
  #closing: Promise<void> | undefined;

  static async open(path: string, options: SqliteOptions): Promise<SqliteMetadata> {
    return new SqliteMetadata(path, await openDatabase(path), options);
  }

  private constructor(path: string, database: OpenDatabase, options: SqliteOptions) {
    const session = new ReadSession(database);
    super(session);
    this.#session = session;
    this.#database = database;
    this.#sync = new WalSync(database.log.fd, options.sync ?? syncFile, (error) => {
      options.logger.error(
        { err: error },
        'The database could not be made durable; it takes no more writes.',
      );
    });
    const limits = { ...DEFAULT_CHECKPOINT_LIMITS, ...options.checkpoints };
    const exclusive = (action: () => Promise<void>) => this.#queue.exclusive(action);
    this.#checkpoints = new Checkpoints(path, exclusive, options.logger, limits);
    const grown = () => this.#checkpoints.noteCommit();
    this.#queue = new WriteQueue(database.writer, this.#sync, grown);
  }

  async transaction<T>(work: (repositories: MetadataWriter) => Promise<T>): Promise<T> {
    this.#refuseUnusable();
    return this.#queue.run((session) => work(new Repositories(session)));
  }

  async ping(): Promise<void> {
    this.#refuseUnusable();
    await this.#session.execute('select count(*) from sqlite_master', []);
  }

  async schema(): Promise<SchemaState> {
    return readSchema(this.#session);
  }

  async plan(): Promise<readonly PlannedMigration[]> {
    return planOf(sqlite, (await this.schema()).pending);
  }

  async migrate(): Promise<SchemaState> {
    this.#refuseUnusable();
    const state = await this.schema();
    if (state.pending.length === 0) return state;
    let migrated: SchemaState = state;
    await this.#queue.exclusive(async () => {
      migrated = await applyMigrations(this.#database.writer);
      this.#sync.noteCommit();
      this.#checkpoints.noteCommit();
    });
    await this.#sync.durable(this.#sync.committed);
    return migrated;
  }

  /** Waits for transactions that were asked for, then closes; may be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#queue.idle();
    const healthy = this.#sync.failure === undefined;
    if (healthy) await this.#sync.durable(this.#sync.committed).catch(() => {});
    await this.#checkpoints.close(healthy);
    this.#database.reader.close();
    this.#database.writer.close();
    await this.#database.log.close();
  }

  #refuseUnusable(): void {
    const { failure } = this.#sync;
    if (failure !== undefined) throw failure;
    if (this.#closing !== undefined) throw new OsproxyError('Unavailable', 'The database is closed.');
  }
}
