import { afterEach, beforeEach, describe } from 'vitest';
import type { Metadata } from '#core/ports/metadata.ts';
import { driveStructureContract } from './drive-structure.ts';
import { accessContract } from './metadata-access.ts';
import { accountsContract } from './metadata-accounts.ts';
import { auditContract } from './metadata-audit.ts';
import { blobsContract } from './metadata-blobs.ts';
import { contentEntriesContract } from './metadata-content-entries.ts';
import { coordinationContract } from './metadata-coordination.ts';
import { drivesContract } from './metadata-drives.ts';
import { entriesContract } from './metadata-entries.ts';
import { eventsContract } from './metadata-events.ts';
import { filesContract } from './metadata-files.ts';
import type { Fixture, TestDatabase } from './metadata-fixture.ts';
import { groupsContract } from './metadata-groups.ts';
import { holdsContract } from './metadata-holds.ts';
import { identitiesContract } from './metadata-identities.ts';
import { manifestsContract } from './metadata-manifests.ts';
import { mediaContract } from './metadata-media.ts';
import { placementsContract } from './metadata-placements.ts';
import { possessionContract } from './metadata-possession.ts';
import { racesContract } from './metadata-races.ts';
import { scrubsContract } from './metadata-scrubs.ts';
import { sharesContract } from './metadata-shares.ts';
import { signInContract } from './metadata-sign-in.ts';
import { sinksContract } from './metadata-sinks.ts';
import { taskControlContract } from './metadata-task-control.ts';
import { tasksContract } from './metadata-tasks.ts';
import { transactionsContract } from './metadata-transactions.ts';
import { uploadsContract } from './metadata-uploads.ts';
import { usageContract } from './metadata-usage.ts';
import { nameSearchContract } from './name-search.ts';

/** The promises of the metadata port; call it with a function that makes an empty database. */
export function metadataContract(name: string, createDatabase: () => Promise<TestDatabase>): void {
  withDatabase(`metadata contract: ${name}`, createDatabase, (fixture) => {
    filesContract(fixture);
    holdsContract(fixture);
    uploadsContract(fixture);
    blobsContract(fixture);
    manifestsContract(fixture);
    placementsContract(fixture);
    scrubsContract(fixture);
    mediaContract(fixture);
    accessContract(fixture);
    accountsContract(fixture);
    signInContract(fixture);
    auditContract(fixture);
    groupsContract(fixture);
    tasksContract(fixture);
    taskControlContract(fixture);
    coordinationContract(fixture);
    eventsContract(fixture);
    sinksContract(fixture);
    usageContract(fixture);
    possessionContract(fixture);
    drivesContract(fixture);
    entriesContract(fixture);
    driveStructureContract(fixture);
    nameSearchContract(fixture);
    sharesContract(fixture);
    identitiesContract(fixture);
    contentEntriesContract(fixture);
    transactionsContract(fixture);
    racesContract(fixture);
  });
}

/** Those of its promises that are about transactions that meet. */
export function serializedContract(name: string, createDatabase: () => Promise<TestDatabase>): void {
  withDatabase(`metadata contract of transactions: ${name}`, createDatabase, (fixture) => {
    transactionsContract(fixture);
    racesContract(fixture);
  });
}

function withDatabase(
  title: string,
  createDatabase: () => Promise<TestDatabase>,
  register: (fixture: Fixture) => void,
): void {
  describe(title, () => {
    let database: TestDatabase;
    let opened: Metadata[];

    beforeEach(async () => {
      database = await createDatabase();
      opened = [await database.open()];
      await opened[0]?.migrate();
    });

    afterEach(async () => {
      for (const metadata of opened) await metadata.close();
      await database.remove();
    });

    const fixture: Fixture = {
      metadata: () => {
        const [first] = opened;
        if (first === undefined) throw new Error('The database is not open.');
        return first;
      },
      openAnother: async () => {
        const another = await database.open();
        opened.push(another);
        return another;
      },
    };

    register(fixture);
  });
}
