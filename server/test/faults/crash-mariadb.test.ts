import { createMariadbDatabase, startMariadb } from '#test/services/mariadb.ts';
import { withService } from '#test/services/shared.ts';
import { crashesOn } from './crash-servers.ts';

await withService('mariadb', (access) =>
  crashesOn({
    name: 'MariaDB',
    shared: access,
    start: () => startMariadb({ durable: true }),
    createDatabase: (server) => createMariadbDatabase(server),
  }),
);
