import { ensurePostgresDatabase } from '#test/services/postgres.ts';
import { databaseName } from './database-name.ts';
import type { Profile } from './profile.ts';

/** A database for every service, dropped when the service is closed. */
export const postgres: Profile<'postgres'> = {
  needs: 'postgres',
  async place(name, access) {
    const { url, remove } = await ensurePostgresDatabase(access, databaseName(name));
    return { databaseUrl: url, remove };
  },
};
