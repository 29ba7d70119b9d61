import type { Clock } from '#core/ports/clock.ts';
import type { Coordinator } from '#core/ports/coordinator.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import type { RedisLink } from '../redis/redis-link.ts';
import { DatabaseCoordinator } from './database.ts';
import { RedisCoordinator } from './redis.ts';

export interface CoordinatorOptions {
  readonly metadata: Metadata;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly link: RedisLink | undefined;
}

/** Coordination through the database, with Redis beside it where there is a link. */
export function openCoordinator({ metadata, clock, logger, link }: CoordinatorOptions): Coordinator {
  const database = new DatabaseCoordinator({ metadata, clock, logger });
  return link === undefined ? database : new RedisCoordinator({ link, database, clock, logger });
}
