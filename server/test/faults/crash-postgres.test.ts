import { createPostgresDatabase, startPostgres } from '#test/services/postgres.ts';
import { withService } from '#test/services/shared.ts';
import { crashesOn } from './crash-servers.ts';

await withService('postgres', (access) =>
  crashesOn({
    name: 'PostgreSQL',
    shared: access,
    start: () => startPostgres({ durable: true }),
    createDatabase: (server) => createPostgresDatabase(server),
  }),
);
