import { mysqlEngine } from '#drivers/metadata/dialects/mysql/engine.ts';
import { parseAddress } from '#drivers/metadata/dialects/server/address.ts';
import { ServerMetadata } from '#drivers/metadata/dialects/server/metadata.ts';
import { withService } from '#test/services/shared.ts';
import { serializedContract } from './metadata-contract.ts';
import { mariadbDatabase, SERVER_OPTIONS } from './metadata-servers.ts';

/** As on MySQL, which cannot tell that a row is newer than the snapshot: whatever a transaction reads is locked. */
await withService('mariadb', (access) =>
  serializedContract('MySQL without snapshots', async () => {
    const database = await mariadbDatabase(access);
    const address = parseAddress(database.url);
    return {
      ...database,
      open: async () =>
        ServerMetadata.open(
          await mysqlEngine(address, SERVER_OPTIONS, { snapshots: false }),
          SERVER_OPTIONS,
          {},
        ),
    };
  }),
);
