import { withService } from '#test/services/shared.ts';
import { metadataContract } from './metadata-contract.ts';
import { postgresDatabase } from './metadata-servers.ts';

await withService('postgres', (access) => metadataContract('PostgreSQL', () => postgresDatabase(access)));
