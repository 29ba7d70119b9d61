import { Client } from 'pg';
import { createPostgresDatabase, startPostgres, startPostgresReplica } from '#test/services/postgres.ts';
import { withService } from '#test/services/shared.ts';
import { databaseReplicas } from './replicas.ts';

await withService('postgres', () =>
  databaseReplicas({
    name: 'PostgreSQL',
    start: async () => {
      const primary = await startPostgres();
      const replica = await startPostgresReplica(primary).catch(async (error: unknown) => {
        await primary.stop();
        throw error;
      });
      return { primary, replica };
    },
    createDatabase: createPostgresDatabase,
    count: async (url, sql) => {
      const client = new Client({ connectionString: url });
      await client.connect();
      const { rows } = await client.query<{ count: string }>(sql);
      await client.end();
      return Number(rows[0]?.count);
    },
  }),
);
