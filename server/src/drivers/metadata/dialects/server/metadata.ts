import { OsproxyError } from '#core/errors.ts';
import type { Logger } from '#core/ports/logger.ts';
import type {
  Metadata,
  MetadataReader,
  MetadataWriter,
  PlannedMigration,
  SchemaState,
} from '#core/ports/metadata.ts';
import { applyPending, planOf, readSchema } from '../../migrations/schema.ts';
import { Repositories } from '../../repositories.ts';
import type { Dialect, Result, Session } from '../../session.ts';
import type { ServerAddress } from './address.ts';
import type { Engine, ServerConnection, ServerOptions } from './connection.ts';
import { Pool } from './pool.ts';
import { Replica } from './replica.ts';
import { Replicas } from './replicas.ts';
import { troubleOf } from './trouble.ts';
import { type LaneLimits, WriteLanes } from './write-lanes.ts';

/** Reads get at least this share of the connections. */
const READ_SHARE = 0.25;

/** Reads of committed data, each on whatever connection is free; one that finds its connection lost is asked once more. */
class ReadSession implements Session {
  readonly dialect: Dialect;
  readonly #pool: Pool;

  constructor(dialect: Dialect, pool: Pool) {
    this.dialect = dialect;
    this.#pool = pool;
  }

  async execute(sql: string, parameters: readonly unknown[]): Promise<Result<unknown>> {
    try {
      return await this.#once(sql, parameters);
    } catch (error) {
      if (troubleOf(error) !== 'lost') throw error;
      return this.#once(sql, parameters);
    }
  }

  async #once(sql: string, parameters: readonly unknown[]): Promise<Result<unknown>> {
    const connection = await this.#pool.acquire();
    try {
      return await connection.execute(sql, parameters);
    } finally {
      this.#pool.release(connection);
    }
  }
}

/** Copies of the database that take reads which may be some moments old. */
export interface Copies {
  readonly addresses: readonly ServerAddress[];
  /** Milliseconds; one that may be further behind is not used. */
  readonly maxLagMs: number;
  readonly logger: Logger;
}

/** Metadata on a database server that several nodes share. */
export class ServerMetadata extends Repositories implements Metadata {
  readonly relaxed: MetadataReader;
  readonly replicas: Replicas | undefined;
  readonly #engine: Engine;
  readonly #pool: Pool;
  readonly #session: Session;
  readonly #lanes: WriteLanes;
  #closing: Promise<void> | undefined;

  /** Connects once, so that a server that is away, or refuses this user, is told at the start. */
  static async open(
    engine: Engine,
    options: ServerOptions,
    limits: Partial<LaneLimits>,
    copies?: Copies,
  ): Promise<ServerMetadata> {
    const first = await engine.connect();
    await first.close();
    const pool = new Pool({
      size: options.poolSize,
      acquireTimeoutMs: options.acquireTimeoutMs,
      connect: () => reconnect(engine),
    });
    const lanes = {
      lanes: Math.max(1, options.poolSize - Math.ceil(options.poolSize * READ_SHARE)),
      groupSize: 16,
      groupMs: 20,
      retryMs: options.statementTimeoutMs,
      ...limits,
    };
    return new ServerMetadata(engine, pool, lanes, (primary) =>
      copies === undefined ? undefined : replicasOf(engine, options, copies, primary),
    );
  }

  private constructor(
    engine: Engine,
    pool: Pool,
    limits: LaneLimits,
    replicasOn: (primary: Session) => Replicas | undefined,
  ) {
    const session = new ReadSession(engine.dialect, pool);
    super(session);
    this.#engine = engine;
    this.#pool = pool;
    this.#session = session;
    this.#lanes = new WriteLanes(engine.dialect, pool, limits);
    this.replicas = replicasOn(session);
    this.relaxed = this.replicas === undefined ? this : new Repositories(this.replicas);
  }

  async transaction<T>(work: (repositories: MetadataWriter) => Promise<T>): Promise<T> {
    this.#refuseClosed();
    return this.#lanes.run((session) => work(new Repositories(session)));
  }

  async ping(): Promise<void> {
    await this.#session.execute('select 1', []);
  }

  async schema(): Promise<SchemaState> {
    return readSchema(this.#session);
  }

  async plan(): Promise<readonly PlannedMigration[]> {
    return planOf(this.#engine.dialect, (await this.schema()).pending);
  }

  async migrate(): Promise<SchemaState> {
    const { dialect } = this.#engine;
    const state = await this.schema();
    if (state.pending.length === 0) {
      this.replicas?.start();
      return state;
    }
    const connection = await this.#pool.acquire();
    try {
      const session: Session = { dialect, execute: (sql, parameters) => connection.execute(sql, parameters) };
      const migrated = await this.#engine.exclusively(connection, async () => {
        const before = await readSchema(session);
        if (before.pending.length > 0) await applyPending(session, before.pending);
        return readSchema(session);
      });
      this.replicas?.start();
      return migrated;
    } finally {
      this.#pool.release(connection);
    }
  }

  /** Waits for transactions that were asked for, then closes; may be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#lanes.idle();
    await this.replicas?.close();
    await this.#pool.close();
    this.#engine.close();
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined) throw new OsproxyError('Unavailable', 'The database is closed.');
  }
}

/** Callers of a running service learn that the database is away, not where it would be. */
async function reconnect(engine: Engine): Promise<ServerConnection> {
  try {
    return await engine.connect();
  } catch (error) {
    throw new OsproxyError('Unavailable', 'The database cannot be reached; try again later.', {
      cause: error,
    });
  }
}

function replicasOf(
  engine: Engine,
  options: ServerOptions,
  { addresses, maxLagMs, logger }: Copies,
  primary: Session,
): Replicas {
  const replicas = addresses.map((address, index) => {
    const place = `${address.host}:${address.port}`;
    const { dialect } = engine;
    const connect = () => engine.connectReplica(address, options);
    return new Replica({ number: index + 1, place, dialect, poolSize: options.poolSize, connect });
  });
  return new Replicas({ primary, replicas, maxLagMs, logger });
}
