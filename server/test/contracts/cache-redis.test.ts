import { RedisCache } from '#drivers/cache/redis.ts';
import { ownPrefix } from '#test/services/redis.ts';
import { withService } from '#test/services/shared.ts';
import { cacheContract } from './cache-contract.ts';
import { cacheLoadContract } from './cache-load-contract.ts';
import { openLink } from './redis-subject.ts';

await withService('redis', ({ url }) => {
  cacheContract('Redis', async () => {
    return new RedisCache({ link: await openLink(url, ownPrefix()), nearEntries: 100 });
  });
  cacheLoadContract('Redis', async () => {
    const prefix = ownPrefix();
    const links = [await openLink(url, prefix), await openLink(url, prefix)] as const;
    return {
      one: new RedisCache({ link: links[0], nearEntries: 100 }),
      two: new RedisCache({ link: links[1], nearEntries: 100 }),
    };
  });
});
