import { postgresDatabase } from '#test/contracts/metadata-servers.ts';
import { withService } from '#test/services/shared.ts';
import { taskFaults } from './task-faults.ts';

await withService('postgres', (access) => taskFaults('PostgreSQL', () => postgresDatabase(access)));
