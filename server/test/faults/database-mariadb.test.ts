import { createConnection } from 'mysql2/promise';
import { createMariadbDatabase, startMariadb } from '#test/services/mariadb.ts';
import { withService } from '#test/services/shared.ts';
import { databaseFaults } from './database-faults.ts';

await withService('mariadb', () =>
  databaseFaults({
    name: 'MariaDB',
    start: startMariadb,
    createDatabase: createMariadbDatabase,
    wrongEncoding: undefined,
    finalStatements: true,
    hold: async (url, sql) => {
      const connection = await createConnection({ uri: url.replace(/^mariadb:/, 'mysql:') });
      connection.on('error', () => {});
      for (const statement of sql) await connection.query(statement);
      return () => connection.end();
    },
  }),
);
