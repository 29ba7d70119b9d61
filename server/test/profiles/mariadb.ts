import { ensureMariadbDatabase } from '#test/services/mariadb.ts';
import { databaseName } from './database-name.ts';
import type { Profile } from './profile.ts';

/** A database for every service, dropped when the service is closed. */
export const mariadb: Profile<'mariadb'> = {
  needs: 'mariadb',
  async place(name, access) {
    const { url, remove } = await ensureMariadbDatabase(access, databaseName(name));
    return { databaseUrl: url, remove };
  },
};
