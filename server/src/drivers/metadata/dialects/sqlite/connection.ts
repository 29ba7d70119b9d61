import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { OsproxyError } from '#core/errors.ts';
import type { Result } from '../../session.ts';
import { translate } from './errors.ts';

/** Prepared statements kept per connection; the least recently used goes first. */
const STATEMENT_LIMIT = 400;

interface Prepared {
  readonly statement: StatementSync;
  readonly returnsRows: boolean;
}

/** One synchronous SQLite connection. Every method throws OsproxyError only. */
export class SqliteConnection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, Prepared>();
  /** Rows changed through this connection since it was opened. */
  changes = 0;

  constructor(path: string, options: { readOnly: boolean; cacheKiB: number }) {
    try {
      this.#database = new DatabaseSync(path, { readOnly: options.readOnly, timeout: 0 });
      this.#database.exec(`PRAGMA cache_size = -${options.cacheKiB}; PRAGMA temp_store = MEMORY`);
    } catch (error) {
      throw translate(error);
    }
  }

  get inTransaction(): boolean {
    return this.#database.isOpen && this.#database.isTransaction;
  }

  /** Runs statements that neither take parameters nor answer. */
  script(sql: string): void {
    try {
      this.#database.exec(sql);
    } catch (error) {
      throw translate(error);
    }
  }

  /** Integers come back as bigint. */
  execute(sql: string, parameters: readonly unknown[]): Result<unknown> {
    try {
      const { statement, returnsRows } = this.#prepare(sql);
      const values = parameters as readonly SQLInputValue[];
      if (returnsRows) return { rows: statement.all(...values), changes: 0 };
      const changes = Number(statement.run(...values).changes);
      this.changes += changes;
      return { rows: [], changes };
    } catch (error) {
      if (!this.#database.isOpen)
        throw new OsproxyError('Unavailable', 'The database is closed.', { cause: error });
      throw translate(error);
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #prepare(sql: string): Prepared {
    const known = this.#statements.get(sql);
    if (known !== undefined) {
      if (this.#statements.size >= STATEMENT_LIMIT) {
        this.#statements.delete(sql);
        this.#statements.set(sql, known);
      }
      return known;
    }
    const statement = this.#database.prepare(sql);
    statement.setReadBigInts(true);
    const prepared = { statement, returnsRows: statement.columns().length > 0 };
    this.#statements.set(sql, prepared);
    if (this.#statements.size > STATEMENT_LIMIT) {
      const [oldest] = this.#statements.keys();
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    return prepared;
  }
}
