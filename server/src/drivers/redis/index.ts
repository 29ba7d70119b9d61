import type { Logger } from '#core/ports/logger.ts';
import { parseRedisUrl } from './address.ts';
import { RedisLink } from './redis-link.ts';

export interface RedisSettings {
  readonly url?: string;
  readonly prefix: string;
  readonly timeoutMs: number;
}

/** A link that waits for start(); undefined without a URL. Throws InvalidArgument with the end of a sentence about the URL. */
export function openRedisLink(
  { url, prefix, timeoutMs }: RedisSettings,
  logger: Logger,
): RedisLink | undefined {
  if (url === undefined) return undefined;
  return new RedisLink({ address: parseRedisUrl(url), prefix, timeoutMs, logger });
}
