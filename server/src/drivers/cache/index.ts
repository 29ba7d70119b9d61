import type { Cache } from '#core/ports/cache.ts';
import type { RedisLink } from '../redis/redis-link.ts';
import { MemoryCache } from './memory.ts';
import { RedisCache } from './redis.ts';

/** The cache of this process, with Redis behind it where there is a link. `entries` are kept in this process; 0 counts as 1. */
export function openCache(options: {
  readonly entries: number;
  readonly link: RedisLink | undefined;
}): Cache {
  const entries = Math.max(options.entries, 1);
  if (options.link === undefined) return new MemoryCache({ maxEntries: entries });
  return new RedisCache({ link: options.link, nearEntries: entries });
}
