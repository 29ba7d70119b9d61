import { join } from 'node:path';
import type { Metadata } from '../../server/src/core/ports/metadata.ts';
import { openMetadata } from '../../server/src/drivers/metadata/index.ts';
import { createMariadbDatabase, startMariadb } from '../../server/test/services/mariadb.ts';
import {
  createPostgresDatabase,
  startPostgres,
  vacuumPostgres,
} from '../../server/test/services/postgres.ts';
import { quiet } from './record-file.ts';
import type { Workspace } from './workspace.ts';

export const ALL_DATABASES = ['sqlite', 'postgres', 'mariadb'];

/** A database with today's tables, empty and durable, on a server of its own where it is one with a server. */
export interface BenchDatabase {
  readonly metadata: Metadata;
  /** After much was written: what the database would do by itself sooner or later. */
  settle(): Promise<void>;
}

/** `name` is one of ALL_DATABASES. It is gone when `work` has ended. */
export async function withDatabase<T>(
  name: string,
  workspace: Workspace,
  work: (database: BenchDatabase) => Promise<T>,
): Promise<T> {
  const { url, settle, stop } = await started(name, workspace);
  try {
    const metadata = await openMetadata(url, { logger: quiet, server: { poolSize: 4 } });
    try {
      await metadata.migrate();
      return await work({ metadata, settle });
    } finally {
      await metadata.close();
    }
  } finally {
    await stop();
  }
}

async function started(name: string, workspace: Workspace) {
  const nothing = async () => {};
  if (name === 'postgres') {
    const server = await startPostgres({ durable: true });
    const { url } = await createPostgresDatabase(server.access);
    return { url, settle: () => vacuumPostgres(url), stop: () => server.stop() };
  }
  if (name === 'mariadb') {
    const server = await startMariadb({ durable: true });
    const { url } = await createMariadbDatabase(server.access);
    return { url, settle: nothing, stop: () => server.stop() };
  }
  const url = `sqlite:${join(workspace.folder('sqlite'), 'osproxy.db')}`;
  return { url, settle: nothing, stop: nothing };
}
