import { type MetadataOptions, openMetadata } from '#drivers/metadata/index.ts';
import { createMariadbDatabase } from '#test/services/mariadb.ts';
import { createPostgresDatabase } from '#test/services/postgres.ts';
import type { SqlServerAccess } from '#test/services/sql-server.ts';
import type { TestDatabase } from './metadata-fixture.ts';
import { recordingLogger } from './metadata-temporary.ts';

export interface ServerDatabase extends TestDatabase {
  readonly url: string;
  open(options?: Partial<MetadataOptions>): ReturnType<typeof openMetadata>;
}

/** For connections that a test opens itself. */
export const SERVER_OPTIONS = {
  poolSize: 16,
  acquireTimeoutMs: 10_000,
  connectTimeoutMs: 5000,
  statementTimeoutMs: 30_000,
};

/** An empty database of its own in a shared server. */
export async function postgresDatabase(access: SqlServerAccess): Promise<ServerDatabase> {
  return opener(await createPostgresDatabase(access));
}

export async function mariadbDatabase(access: SqlServerAccess): Promise<ServerDatabase> {
  return opener(await createMariadbDatabase(access));
}

function opener(database: { readonly url: string; remove(): Promise<void> }): ServerDatabase {
  return {
    ...database,
    open: (options = {}) => openMetadata(database.url, { logger: recordingLogger(), ...options }),
  };
}
