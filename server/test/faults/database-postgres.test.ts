import { Client } from 'pg';
import { createPostgresDatabase, startPostgres } from '#test/services/postgres.ts';
import { withService } from '#test/services/shared.ts';
import { databaseFaults } from './database-faults.ts';

await withService('postgres', () =>
  databaseFaults({
    name: 'PostgreSQL',
    start: startPostgres,
    createDatabase: createPostgresDatabase,
    wrongEncoding: "template template0 encoding 'SQL_ASCII' locale 'C'",
    finalStatements: false,
    hold: async (url, sql) => {
      const client = new Client({ connectionString: url });
      client.on('error', () => {});
      await client.connect();
      for (const statement of sql) await client.query(statement);
      return () => client.end();
    },
  }),
);
