import type { Metadata } from '#core/ports/metadata.ts';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import type { TestCoordination } from './coordinator-contract.ts';
import type { TestDatabase } from './metadata-fixture.ts';
import { recordingLogger } from './metadata-temporary.ts';

/** Coordination through an empty database, each participant with connections of its own. */
export function coordinationOn(database: TestDatabase): TestCoordination {
  const joined: { coordinator: DatabaseCoordinator; metadata: Metadata }[] = [];
  return {
    join: async (clock) => {
      const metadata = await database.open();
      await metadata.migrate();
      const coordinator = new DatabaseCoordinator({ metadata, clock, logger: recordingLogger() });
      joined.push({ coordinator, metadata });
      return coordinator;
    },
    remove: async () => {
      for (const { coordinator, metadata } of joined) {
        await coordinator.close();
        await metadata.close();
      }
      await database.remove();
    },
  };
}
