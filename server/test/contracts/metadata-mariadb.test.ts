import { withService } from '#test/services/shared.ts';
import { metadataContract } from './metadata-contract.ts';
import { mariadbDatabase } from './metadata-servers.ts';

await withService('mariadb', (access) => metadataContract('MariaDB', () => mariadbDatabase(access)));
