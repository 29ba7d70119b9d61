import { resolve } from 'node:path';
import { OsproxyError } from '#core/errors.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { mysqlEngine } from './dialects/mysql/engine.ts';
import { postgresEngine } from './dialects/postgres/engine.ts';
import { isServerUrl, parseAddress } from './dialects/server/address.ts';
import type { ServerOptions } from './dialects/server/connection.ts';
import { ServerMetadata } from './dialects/server/metadata.ts';
import type { LaneLimits } from './dialects/server/write-lanes.ts';
import { SqliteMetadata, type SqliteOptions } from './dialects/sqlite/metadata.ts';

export type { ServerOptions };

/** Copies of a database server that take reads which may be some moments old; one that may be further behind than that is left out. */
interface ReplicaOptions {
  readonly urls: readonly string[];
  readonly maxLagMs: number;
}

/** Those of a server count only for a URL of a server, those of SQLite only for a file. */
export interface MetadataOptions extends SqliteOptions {
  readonly server?: Partial<ServerOptions>;
  readonly lanes?: Partial<LaneLimits>;
  readonly replicas?: ReplicaOptions;
}

const SERVER_DEFAULTS: ServerOptions = {
  poolSize: 16,
  acquireTimeoutMs: 10_000,
  connectTimeoutMs: 10_000,
  statementTimeoutMs: 30_000,
};

/**
 * Opens the database of a URL: `sqlite:<path>`, relative to the working directory or absolute, or
 * `postgres://user:password@host:port/database`, or the same with `mysql:` or `mariadb:`. Nothing is migrated yet. Rejects with InvalidArgument for a URL of another kind, with
 * PermissionDenied when the file cannot be opened or made, and with Unavailable and one sentence when the server cannot be used.
 */
export async function openMetadata(url: string, options: MetadataOptions): Promise<Metadata> {
  if (isServerUrl(url)) {
    const server = { ...SERVER_DEFAULTS, ...options.server };
    const address = parseAddress(url);
    const engine = url.startsWith('postgres')
      ? postgresEngine(address, server)
      : await mysqlEngine(address, server);
    const { urls = [], maxLagMs = 0 } = options.replicas ?? {};
    const addresses = urls.map((replica) => parseAddress(replica, 'database.replicas'));
    const copies = urls.length === 0 ? undefined : { addresses, maxLagMs, logger: options.logger };
    return ServerMetadata.open(engine, server, options.lanes ?? {}, copies);
  }
  const path = /^sqlite:(?:\/\/)?(?<path>[^?#]+)$/.exec(url)?.groups?.path;
  if (path === undefined) {
    throw new OsproxyError(
      'InvalidArgument',
      'The database URL must look like "sqlite:./data/osproxy.db" "postgres://user:password@host:5432/database" or "mysql://user:password@host:3306/database".',
    );
  }
  return SqliteMetadata.open(resolve(path), options);
}
