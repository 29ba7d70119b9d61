import mysql, { type Connection, type QueryOptions, type TypedParameterValue } from 'mysql2/promise';
import type { Result } from '../../session.ts';
import { type ServerAddress, tlsOptions } from '../server/address.ts';
import type { ServerConnection, ServerOptions } from '../server/connection.ts';
import { DatabaseError, lostConnection } from '../server/trouble.ts';
import { endsTransaction, isMadeAlready, translate, translateConnect } from './errors.ts';
import { inspectServer, prepareSession, type ServerFacts } from './session.ts';

/** The server ends a late statement itself; only where nothing is heard from it at all does this side give up. */
const SILENCE_MS = 5000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** The server counts the prepared statements of all connections together. */
const PREPARED_STATEMENTS = 200;

type ExecuteValue = string | TypedParameterValue | null;

/** What the client answers to a statement without rows. */
interface Header {
  readonly affectedRows: number;
  readonly warningStatus: number;
}

export interface MysqlChoices {
  /** False: isolate by locking everything that is read, as on a server that cannot tell that a row is newer than the snapshot. */
  readonly snapshots?: boolean;
  /** True for a server that may take no changes. */
  readonly mayBeReplica?: boolean;
}

export class MysqlConnection implements ServerConnection {
  readonly facts: ServerFacts;
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  #usable = true;
  /** Statements wait for each other here, so that none is sent after one that ended the transaction. */
  #last: Promise<unknown> = Promise.resolve();
  /** Why the server has undone the transaction; what follows would else be committed statement by statement. */
  #undone: DatabaseError | undefined;
  /** While true, statements may take as long as they need, and find what they were to make made. */
  migrating = false;

  /** Rejects with one sentence for the person who configures it. */
  static async open(
    address: ServerAddress,
    options: ServerOptions,
    choices: MysqlChoices,
  ): Promise<MysqlConnection> {
    const { host, port, user, password, database } = address;
    const ssl = tlsOptions(address);
    let connection: Connection | undefined;
    try {
      connection = await mysql.createConnection({
        ...{ host, port, user, password, database, ...(ssl === undefined ? {} : { ssl }) },
        charset: 'utf8mb4_bin',
        connectTimeout: options.connectTimeoutMs,
        enableKeepAlive: true,
        supportBigNumbers: true,
        bigNumberStrings: true,
        maxPreparedStatements: PREPARED_STATEMENTS,
      });
      const found = await inspectServer(connection, address, choices.mayBeReplica === true);
      const facts = { ...found, snapshots: choices.snapshots ?? found.snapshots };
      await prepareSession(connection, facts, options.statementTimeoutMs);
      return new MysqlConnection(connection, facts, options.statementTimeoutMs + SILENCE_MS);
    } catch (error) {
      connection?.destroy();
      throw translateConnect(error, address);
    }
  }

  private constructor(connection: Connection, facts: ServerFacts, timeoutMs: number) {
    this.#connection = connection;
    this.facts = facts;
    this.#timeoutMs = timeoutMs;
    const lost = () => {
      this.#usable = false;
    };
    connection.on('error', lost);
    connection.on('end', lost);
  }

  get usable(): boolean {
    return this.#usable;
  }

  execute(sql: string, parameters: readonly unknown[]): Promise<Result<unknown>> {
    return this.#inTurn(async () => {
      const [answer] = await this.#connection.execute(this.#query(sql), parameters.map(typed));
      if (Array.isArray(answer)) return { rows: answer, changes: 0 };
      const { affectedRows, warningStatus } = answer as Header;
      if (affectedRows > 0 && warningStatus > 0 && sql.startsWith('insert ignore')) throw bent();
      return { rows: [], changes: affectedRows };
    });
  }

  async begin(shared: boolean): Promise<void> {
    await this.command('start transaction');
    if (shared) await this.command('savepoint member');
  }

  /** A savepoint of the same name replaces the one before. */
  nextMember(): Promise<void> {
    return this.command('savepoint member');
  }

  undoMember(): Promise<void> {
    return this.command('rollback to savepoint member');
  }

  async commit(): Promise<void> {
    try {
      await this.command('commit');
    } catch (error) {
      const failure = translate(error);
      if (failure.trouble === 'conflict') throw failure;
      // A server may fail after the change was recorded already.
      this.#usable = false;
      throw failure.trouble === 'lost' ? failure : lostConnection(failure);
    }
  }

  async rollback(): Promise<void> {
    const undone = this.#undone !== undefined;
    this.#undone = undefined;
    if (!undone) await this.command('rollback');
  }

  async command(sql: string): Promise<void> {
    await this.#inTurn(() => this.#connection.query(this.#query(sql)));
  }

  async close(): Promise<void> {
    const usable = this.#usable;
    this.#usable = false;
    if (usable) await this.#connection.end().catch(() => {});
    this.#connection.destroy();
  }

  abandon(): void {
    this.#usable = false;
    this.#connection.destroy();
  }

  #query(sql: string): QueryOptions {
    return { sql, timeout: this.migrating ? LONGEST_TIMER_MS : this.#timeoutMs };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#guarded(work));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#usable) throw lostConnection(undefined);
    if (this.#undone !== undefined) throw this.#undone;
    try {
      return await work();
    } catch (error) {
      if (this.migrating && isMadeAlready(error)) return { rows: [], changes: 0 } as T;
      const failure = translate(error);
      if (failure.trouble === 'lost') this.#usable = false;
      if (endsTransaction(failure)) this.#undone = failure;
      throw failure;
    }
  }
}

/** Numbers as integers of 64 bits: as they are, the client would send them as doubles and text. */
function typed(value: unknown): ExecuteValue {
  if (typeof value === 'number' || typeof value === 'bigint') return mysql.TypedParameter.BIGINT(value);
  return value as ExecuteValue;
}

/** IGNORE turns every error into a warning, but only a taken key was meant. */
function bent(): DatabaseError {
  return new DatabaseError(
    'refused',
    'InvalidArgument',
    'A value is too long or has characters that cannot be recorded.',
    {},
  );
}
