import type { RateCounter } from '#core/ports/rate-counter.ts';
import type { RedisLink } from '../redis/redis-link.ts';
import { MemoryRateCounter } from './memory.ts';
import { RedisRateCounter } from './redis.ts';

/** Counts in this process, or over all nodes where there is a link. */
export function openRateCounter(link: RedisLink | undefined): RateCounter {
  const alone = new MemoryRateCounter();
  return link === undefined ? alone : new RedisRateCounter({ link, alone });
}
