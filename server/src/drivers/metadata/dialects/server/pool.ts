import { OsproxyError } from '#core/errors.ts';
import type { ServerConnection } from './connection.ts';

interface Waiter {
  readonly give: (connection: ServerConnection | undefined) => void;
  readonly refuse: (error: OsproxyError) => void;
}

export interface PoolOptions {
  readonly size: number;
  readonly acquireTimeoutMs: number;
  connect(): Promise<ServerConnection>;
}

/** Connections that are opened when needed, up to a limit, and used again; those that were lost are replaced. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #idle: ServerConnection[] = [];
  readonly #waiting = new Set<Waiter>();
  /** Every connection, idle or given out. */
  readonly #all = new Set<ServerConnection>();
  #open = 0;
  #closed = false;
  readonly #drained = Promise.withResolvers<void>();

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Rejects with Unavailable when no connection is free in time or the server cannot be reached. */
  async acquire(): Promise<ServerConnection> {
    for (;;) {
      this.#refuseClosed();
      const idle = this.#idle.pop();
      if (idle?.usable === true) return idle;
      if (idle !== undefined) this.#forget(idle);
      else if (this.#open < this.#options.size) return this.#connect();
      else {
        const given = await this.#wait();
        if (given !== undefined) return given;
      }
    }
  }

  release(connection: ServerConnection): void {
    if (!connection.usable || this.#closed) {
      void connection.close();
      this.#forget(connection);
      return;
    }
    const [next] = this.#waiting;
    if (next === undefined) this.#idle.push(connection);
    else next.give(connection);
  }

  /** Resolves when every connection is back and closed. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      for (const waiter of [...this.#waiting]) waiter.refuse(closedError());
      const idle = this.#idle.splice(0);
      await Promise.all(idle.map((connection) => connection.close()));
      this.#open -= idle.length;
      if (this.#open === 0) this.#drained.resolve();
    }
    await this.#drained.promise;
  }

  /** Ends every connection at once, those in use too, and waits for nothing. */
  abandon(): void {
    for (const connection of this.#all) connection.abandon();
    void this.close();
  }

  async #connect(): Promise<ServerConnection> {
    this.#open += 1;
    try {
      const connection = await this.#options.connect();
      if (!this.#closed) {
        this.#all.add(connection);
        return connection;
      }
      await connection.close();
      throw closedError();
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  /** A place is free again: whoever waits longest may connect. */
  #forget(connection?: ServerConnection): void {
    if (connection !== undefined) this.#all.delete(connection);
    this.#open -= 1;
    const [next] = this.#waiting;
    next?.give(undefined);
    if (this.#closed && this.#open === 0) this.#drained.resolve();
  }

  #wait(): Promise<ServerConnection | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<ServerConnection | undefined>();
    const leave = () => {
      clearTimeout(timer);
      this.#waiting.delete(waiter);
    };
    const waiter: Waiter = {
      give: (connection) => {
        leave();
        resolve(connection);
      },
      refuse: (error) => {
        leave();
        reject(error);
      },
    };
    const timer = setTimeout(() => waiter.refuse(busyError()), this.#options.acquireTimeoutMs);
    this.#waiting.add(waiter);
    return promise;
  }

  #refuseClosed(): void {
    if (this.#closed) throw closedError();
  }
}

function closedError(): OsproxyError {
  return new OsproxyError('Unavailable', 'The database is closed.');
}

function busyError(): OsproxyError {
  return new OsproxyError(
    'Unavailable',
    'Every connection to the database stayed busy for too long; try again.',
  );
}
