import { afterAll } from 'vitest';
import { parseRedisUrl } from '#drivers/redis/address.ts';
import { RedisLink } from '#drivers/redis/redis-link.ts';
import { recordingLogger } from './metadata-temporary.ts';

const links: RedisLink[] = [];

/** A link that is tried once before it is given out and closed when the file is done. */
export async function openLink(
  url: string,
  prefix: string,
  options: { readonly timeoutMs?: number; readonly logger?: ReturnType<typeof recordingLogger> } = {},
): Promise<RedisLink> {
  const { timeoutMs = 2000, logger = recordingLogger() } = options;
  if (links.length === 0) afterAll(() => Promise.all(links.map((link) => link.close())));
  const link = new RedisLink({ address: parseRedisUrl(url), prefix, timeoutMs, logger });
  links.push(link);
  await link.start();
  return link;
}
