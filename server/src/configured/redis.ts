import type { Config } from '#config/config.ts';
import { ConfigError } from '#config/config-error.ts';
import { isOsproxyError } from '#core/errors.ts';
import type { Logger } from '#core/ports/logger.ts';
import { openRedisLink } from '#drivers/redis/index.ts';
import type { RedisLink } from '#drivers/redis/redis-link.ts';

export function redisCheck(link: RedisLink | undefined) {
  if (link === undefined) return [];
  const fix = 'Check redis.url and that Redis runs; the service works without it, only slower.';
  return [{ check: 'redis', fix, run: () => link.examine() }];
}

export function linkOf(config: Config, logger: Logger): RedisLink | undefined {
  try {
    return openRedisLink(config.redis, logger);
  } catch (error) {
    if (!isOsproxyError(error, 'InvalidArgument')) throw error;
    throw new ConfigError([`redis.url ${error.message}.`]);
  }
}
