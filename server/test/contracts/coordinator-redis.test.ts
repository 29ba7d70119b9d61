import type { Metadata } from '#core/ports/metadata.ts';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import { RedisCoordinator } from '#drivers/coordinator/redis.ts';
import { ownPrefix } from '#test/services/redis.ts';
import { withService } from '#test/services/shared.ts';
import { coordinatorContract } from './coordinator-contract.ts';
import { recordingLogger, temporaryDatabase } from './metadata-temporary.ts';
import { openLink } from './redis-subject.ts';

await withService('redis', ({ url }) => {
  coordinatorContract('Redis (and SQLite)', async () => {
    const stored = await temporaryDatabase();
    const prefix = ownPrefix();
    const joined: { coordinator: RedisCoordinator; metadata: Metadata }[] = [];
    return {
      join: async (clock) => {
        const logger = recordingLogger();
        const metadata = await stored.open();
        await metadata.migrate();
        const database = new DatabaseCoordinator({ metadata, clock, logger });
        const link = await openLink(url, prefix);
        const coordinator = new RedisCoordinator({ link, database, clock, logger });
        joined.push({ coordinator, metadata });
        return coordinator;
      },
      remove: async () => {
        for (const { coordinator, metadata } of joined) {
          await coordinator.close();
          await metadata.close();
        }
        await stored.remove();
      },
    };
  });
});
