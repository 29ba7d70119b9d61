import { withService } from '#test/services/shared.ts';
import { coordinatorContract } from './coordinator-contract.ts';
import { messagesContract } from './coordinator-messages.ts';
import { coordinationOn } from './coordinator-on-database.ts';
import { mariadbDatabase } from './metadata-servers.ts';

await withService('mariadb', (access) => {
  coordinatorContract('database (MariaDB)', async () => coordinationOn(await mariadbDatabase(access)));
  messagesContract('MariaDB', () => mariadbDatabase(access));
});
