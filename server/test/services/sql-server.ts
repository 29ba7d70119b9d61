import { ServiceUnavailable } from './service-unavailable.ts';

/** A server and a user that may create databases; the URL names a database to connect to first. */
export interface SqlServerAccess {
  readonly url: string;
}

/** A server of our own. */
export interface SqlServer {
  readonly access: SqlServerAccess;
  readonly port: number;
  /** Ends the server as a crash would; the data stays. */
  kill(): Promise<void>;
  /** Ends its connections and shuts down; the data stays. */
  shutDown(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface SqlDatabase {
  readonly url: string;
  remove(): Promise<void>;
}

/** A server that follows another one; stop() leaves that as it is. */
export interface SqlReplica {
  readonly port: number;
  /** The same database as that of the URL, on this server. */
  urlOf(primaryUrl: string): string;
  /** From here on nothing new is shown, however long; connections and queries go on. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The server that the variable of the environment names, which runs elsewhere and goes on, or one that `start` makes. */
export async function namedOrOwn(
  variable: string,
  start: () => Promise<SqlServer>,
): Promise<Pick<SqlServer, 'access' | 'stop'>> {
  const url = process.env[variable];
  if (url) return { access: { url }, stop: async () => {} };
  return start().catch((error: unknown): never => {
    if (!(error instanceof ServiceUnavailable)) throw error;
    throw new ServiceUnavailable(`${error.message}; or set ${variable}`);
  });
}

/** Throws ServiceUnavailable for a user that cannot start a server as the one it runs as. */
export function requireRoot(): void {
  if (process.getuid?.() !== 0) throw new ServiceUnavailable('a server of our own is started by root only');
}

/** The same URL on another port of this machine. */
export function atPort(url: string, port: number): string {
  const other = new URL(url);
  other.port = String(port);
  return other.href;
}
