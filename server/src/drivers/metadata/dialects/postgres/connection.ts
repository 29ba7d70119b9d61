import { randomBytes } from 'node:crypto';
import { Client, type ClientConfig, DatabaseError as ServerError } from 'pg';
import type { OsproxyError } from '#core/errors.ts';
import type { Result } from '../../session.ts';
import { type ServerAddress, tlsOptions } from '../server/address.ts';
import type { ServerConnection, ServerOptions } from '../server/connection.ts';
import { DatabaseError } from '../server/trouble.ts';
import { translate, translateConnect } from './errors.ts';
import type { LeftBehind } from './left-behind.ts';
import { PLANNED_ANEW } from './planning.ts';

const OLDEST = 120_000;
/** The server ends a late statement itself; only where nothing is heard from it at all does this side give up. */
const SILENCE_MS = 5000;
/** How long a member of a shared transaction waits for a row that somebody else holds, before it is run alone. */
const SHARED_LOCK_MS = 50;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The server's, in seconds: the sessions of a machine that is gone end after a minute, and with them what they locked. */
const KEEPALIVE = '-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3';

const APPLICATION = 'osproxy';

const BEGIN = 'begin isolation level repeatable read';
const BEGIN_SHARED = `${BEGIN}; set local lock_timeout = ${SHARED_LOCK_MS}; savepoint member`;

/** Statements are prepared under these names on every connection; longer ones, and more than these, are not. */
const NAMED_STATEMENTS = 400;
const LONGEST_NAMED = 2000;
const names = new Map<string, string>();

function nameOf(sql: string): string | undefined {
  if (sql.startsWith(PLANNED_ANEW)) return undefined;
  const known = names.get(sql);
  if (known !== undefined || names.size >= NAMED_STATEMENTS || sql.length > LONGEST_NAMED) return known;
  const name = `s${names.size}`;
  names.set(sql, name);
  return name;
}

export class PostgresConnection implements ServerConnection {
  readonly #client: Client;
  readonly #left: LeftBehind | undefined;
  /** An `application_name` that no other connection has. */
  readonly #name: string;
  /** True once the server need not be told to end the session. */
  #told = false;
  #committing = false;
  #usable = true;
  /** While true, statements may take as long as they need. */
  patient = false;

  /**
   * Rejects with one sentence for the person who configures it. `left` is told when the connection is lost; undefined: a standby will do, where nothing is ever
   * locked.
   */
  static async open(
    address: ServerAddress,
    options: ServerOptions,
    left: LeftBehind | undefined,
  ): Promise<PostgresConnection> {
    const name = `${APPLICATION} ${randomBytes(9).toString('base64url')}`;
    const client = new Client({
      ...connectConfig(address, options),
      application_name: name,
      statement_timeout: options.statementTimeoutMs,
      // A process that was stopped in the middle must not hold its rows for ever.
      idle_in_transaction_session_timeout: options.statementTimeoutMs,
      options: `-c jit=off ${KEEPALIVE}`,
      pipeline: true,
    });
    const connection = new PostgresConnection(client, name, left);
    try {
      await client.connect();
      await connection.#check(address, left === undefined);
      return connection;
    } catch (error) {
      await connection.close();
      throw translateConnect(error, address);
    }
  }

  private constructor(client: Client, name: string, left: LeftBehind | undefined) {
    this.#client = client;
    this.#name = name;
    this.#left = left;
    const lost = () => {
      this.#usable = false;
    };
    client.on('error', lost);
    client.on('end', lost);
  }

  get usable(): boolean {
    return this.#usable;
  }

  async execute(sql: string, parameters: readonly unknown[]): Promise<Result<unknown>> {
    const name = nameOf(sql);
    const query = { text: sql, values: parameters as unknown[], ...(name === undefined ? {} : { name }) };
    const patience = this.patient ? { query_timeout: LONGEST_TIMER_MS } : {};
    try {
      const { rows, rowCount } = await this.#client.query({ ...query, ...patience });
      return { rows, changes: rowCount ?? 0 };
    } catch (error) {
      throw this.#failed(error);
    }
  }

  begin(shared: boolean): Promise<void> {
    return this.#command(shared ? BEGIN_SHARED : BEGIN);
  }

  /** Not waited for: were it refused, the transaction would refuse everything after it. */
  async nextMember(): Promise<void> {
    this.#command('release savepoint member; savepoint member').catch(() => {});
  }

  undoMember(): Promise<void> {
    return this.#command('rollback to savepoint member');
  }

  async commit(): Promise<void> {
    let command: string;
    // A server that waits for its standby with a commit must go on waiting: until then nobody sees what could be lost.
    this.#committing = true;
    try {
      ({ command } = await this.#client.query('commit'));
    } catch (error) {
      throw this.#failed(error);
    } finally {
      this.#committing = false;
    }
    // What the server answers to COMMIT when something in the transaction had failed.
    if (command !== 'COMMIT') {
      throw new DatabaseError(
        'refused',
        'Internal',
        'The database undid the transaction instead of committing it.',
        {},
      );
    }
  }

  rollback(): Promise<void> {
    return this.#command('rollback');
  }

  async close(): Promise<void> {
    this.#usable = false;
    this.#told = true;
    await this.#client.end().catch(() => {});
  }

  abandon(): void {
    this.#usable = false;
    this.#client.connection.stream.destroy();
  }

  async #command(sql: string): Promise<void> {
    try {
      await this.#client.query(sql);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): OsproxyError {
    const failure = translate(error);
    if (failure.trouble === 'lost') this.#lost(error);
    return failure;
  }

  /** All that was under way fails, one after the other; the server is told once, and not where it ended the session itself. */
  #lost(error: unknown): void {
    this.#usable = false;
    if (this.#told || this.#committing || error instanceof ServerError) return;
    this.#told = true;
    this.#left?.end(this.#name);
  }

  async #check({ host, port, database }: ServerAddress, mayBeStandby: boolean): Promise<void> {
    const { rows } = await this.#client.query<{
      version: string;
      number: string;
      encoding: string;
      standby: boolean;
    }>(
      `select current_setting('server_version') as version, current_setting('server_version_num') as number,
        current_setting('server_encoding') as encoding, pg_is_in_recovery() as standby`,
    );
    const [row] = rows;
    if (row === undefined) return;
    const at = `The PostgreSQL server at ${host}:${port}`;
    if (Number(row.number) < OLDEST) refuse(`${at} is version ${row.version}; osproxy needs 12 or later.`);
    if (row.encoding !== 'UTF8') {
      refuse(
        `${at} keeps the database "${database}" in the encoding ${row.encoding}; create one with encoding 'UTF8'.`,
      );
    }
    if (row.standby && !mayBeStandby)
      refuse(`${at} is a standby that takes no changes; database.url must name the primary.`);
  }
}

/** What every connection to the server has, also one that asks it for something of its own. */
export function connectConfig(address: ServerAddress, options: ServerOptions): ClientConfig {
  const { host, port, user, password, database } = address;
  return {
    ...{ host, port, user, password, database, ssl: tlsOptions(address) ?? false },
    application_name: APPLICATION,
    keepAlive: true,
    connectionTimeoutMillis: options.connectTimeoutMs,
    query_timeout: options.statementTimeoutMs + SILENCE_MS,
  };
}

function refuse(sentence: string): never {
  throw new DatabaseError('lost', 'Unavailable', sentence, { retryable: false });
}
