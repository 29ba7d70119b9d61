import { withService } from '#test/services/shared.ts';
import { coordinatorContract } from './coordinator-contract.ts';
import { messagesContract } from './coordinator-messages.ts';
import { coordinationOn } from './coordinator-on-database.ts';
import { postgresDatabase } from './metadata-servers.ts';

await withService('postgres', (access) => {
  coordinatorContract('database (PostgreSQL)', async () => coordinationOn(await postgresDatabase(access)));
  messagesContract('PostgreSQL', () => postgresDatabase(access));
});
