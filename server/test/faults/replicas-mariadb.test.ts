import { createConnection, type RowDataPacket } from 'mysql2/promise';
import {
  createMariadbDatabase,
  REPLICATED,
  startMariadb,
  startMariadbReplica,
} from '#test/services/mariadb.ts';
import { withService } from '#test/services/shared.ts';
import { databaseReplicas } from './replicas.ts';

await withService('mariadb', () =>
  databaseReplicas({
    name: 'MariaDB',
    start: async () => {
      const primary = await startMariadb({ flags: REPLICATED });
      const replica = await startMariadbReplica(primary).catch(async (error: unknown) => {
        await primary.stop();
        throw error;
      });
      return { primary, replica };
    },
    createDatabase: createMariadbDatabase,
    count: async (url, sql) => {
      const connection = await createConnection({ uri: url.replace(/^mariadb:/, 'mysql:') });
      const [rows] = await connection.query<RowDataPacket[]>(sql);
      await connection.end();
      return Number(rows[0]?.count);
    },
  }),
);
