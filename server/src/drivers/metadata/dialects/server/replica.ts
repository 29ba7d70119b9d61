import { OsproxyError } from '#core/errors.ts';
import type { Dialect, Result, Session } from '../../session.ts';
import type { Beats } from './beats.ts';
import type { ServerConnection } from './connection.ts';
import { Pool } from './pool.ts';
import { lostConnection, troubleOf } from './trouble.ts';

/** Longest time to ask a replica how far it is, connecting included. */
const LOOK_MS = 2000;
/** A read that gets no connection in this time goes to the primary. */
const ACQUIRE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

export interface ReplicaOptions {
  /** Its place in the configuration, from 1 on. */
  readonly number: number;
  /** Host and port, for the log. */
  readonly place: string;
  readonly dialect: Dialect;
  readonly poolSize: number;
  connect(): Promise<ServerConnection>;
}

/** One copy of the database: connections for reads, one more to watch it by, and what is known about it. */
export class Replica {
  readonly number: number;
  readonly place: string;
  readonly #options: ReplicaOptions;
  #pool: Pool;
  #watch: ServerConnection | undefined;
  /** It shows all that was committed before this moment of this process's monotonic clock. */
  #shows: number | undefined;
  #failure: unknown;
  #failures = 0;
  #nextLook = Number.NEGATIVE_INFINITY;
  #up = false;
  /** Ends the reads that wait for it when it is given up. */
  readonly #reads = new Set<(error: unknown) => void>();

  constructor(options: ReplicaOptions) {
    this.number = options.number;
    this.place = options.place;
    this.#options = options;
    this.#pool = this.#newPool();
  }

  /** False from the first sign of trouble until it has answered again. */
  get isUp(): boolean {
    return this.#up;
  }

  /** Why it did not answer when it was asked last. */
  get failure(): unknown {
    return this.#failure;
  }

  /** How old what it shows may be at most; undefined while nothing is known. */
  get lagMs(): number | undefined {
    return this.#shows === undefined ? undefined : Math.max(0, performance.now() - this.#shows);
  }

  get isDue(): boolean {
    return performance.now() >= this.#nextLook;
  }

  /** Rejects when it cannot answer, also as soon as it is given up while it is asked; whoever asks goes to the primary then. */
  async read(sql: string, parameters: readonly unknown[]): Promise<Result<unknown>> {
    const { promise, resolve, reject } = Promise.withResolvers<Result<unknown>>();
    this.#reads.add(reject);
    this.#ask(sql, parameters).then(resolve, reject);
    try {
      return await promise;
    } catch (error) {
      // Whether it is gone, or only this connection, the next look says.
      if (troubleOf(error) === 'lost') {
        this.#up = false;
        this.#nextLook = Number.NEGATIVE_INFINITY;
      }
      throw error;
    } finally {
      this.#reads.delete(reject);
    }
  }

  /** Asks how far it is. Never rejects; what it found is in the members. */
  async look(beats: Beats): Promise<void> {
    try {
      this.#shows = await this.#within(LOOK_MS, beats);
      this.#up = true;
      this.#failure = undefined;
      this.#failures = 0;
      this.#nextLook = Number.NEGATIVE_INFINITY;
    } catch (error) {
      this.#giveUp(error);
      this.#failures += 1;
      this.#failure = error;
      const pause = Math.min(LONGEST_PAUSE_MS, 500 * 2 ** Math.min(this.#failures, 8));
      this.#nextLook = performance.now() + pause;
    }
  }

  close(): void {
    this.#giveUp(new OsproxyError('Unavailable', 'The database is closed.'));
  }

  async #ask(sql: string, parameters: readonly unknown[]): Promise<Result<unknown>> {
    const pool = this.#pool;
    const connection = await pool.acquire();
    try {
      return await connection.execute(sql, parameters);
    } finally {
      pool.release(connection);
    }
  }

  #giveUp(error: unknown): void {
    this.#up = false;
    this.#watch?.abandon();
    this.#watch = undefined;
    this.#pool.abandon();
    this.#pool = this.#newPool();
    for (const reject of this.#reads) reject(error);
  }

  async #within(ms: number, beats: Beats): Promise<number | undefined> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(lostConnection(new Error(`no answer in ${ms} ms`))), ms);
    let stopped = false;
    const looking = this.#watching(() => stopped).then((session) => beats.read(session));
    looking.catch(() => {});
    try {
      return await Promise.race([looking, late.promise]);
    } finally {
      stopped = true;
      clearTimeout(timer);
    }
  }

  async #watching(stopped: () => boolean): Promise<Session> {
    if (this.#watch?.usable !== true) {
      this.#watch = undefined;
      const connection = await this.#options.connect();
      if (stopped()) {
        connection.abandon();
        throw lostConnection(undefined);
      }
      this.#watch = connection;
    }
    const watch = this.#watch;
    return {
      dialect: this.#options.dialect,
      execute: (sql, parameters) => watch.execute(sql, parameters),
    };
  }

  #newPool(): Pool {
    const { poolSize, connect } = this.#options;
    return new Pool({ size: poolSize, acquireTimeoutMs: ACQUIRE_MS, connect });
  }
}
