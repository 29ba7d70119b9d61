import type { Dialect, Result } from '../../session.ts';
import type { ServerAddress } from './address.ts';

/** One connection to a database server. Every rejection is a DatabaseError. */
export interface ServerConnection {
  /** False once it is lost or closed; then it serves nothing any more. */
  readonly usable: boolean;
  execute(sql: string, parameters: readonly unknown[]): Promise<Result<unknown>>;
  /** Begins a transaction; as a shared one it waits only briefly for rows that others hold, and its first member begins. */
  begin(shared: boolean): Promise<void>;
  /** Ends a member of a shared transaction and begins the next. */
  nextMember(): Promise<void>;
  /** Undoes what the member of a shared transaction did; the transaction goes on. */
  undoMember(): Promise<void>;
  /** Rejects with a trouble other than `lost` only when the transaction surely had no effect. */
  commit(): Promise<void>;
  rollback(): Promise<void>;
  close(): Promise<void>;
  /** Ends it at once, without a word to the server; what is under way fails. */
  abandon(): void;
}

/** A kind of database server. */
export interface Engine {
  readonly dialect: Dialect;
  connect(): Promise<ServerConnection>;
  /** A connection to a copy of the database, which takes no changes. */
  connectReplica(address: ServerAddress, options: ServerOptions): Promise<ServerConnection>;
  /** Runs `work` on the connection while no other process migrates. */
  exclusively<T>(connection: ServerConnection, work: () => Promise<T>): Promise<T>;
  /** After the last connection was closed. */
  close(): void;
}

export interface ServerOptions {
  readonly poolSize: number;
  /** How long a caller waits for a free connection. */
  readonly acquireTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
}
