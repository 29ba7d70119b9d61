import { MemoryRateCounter } from '#drivers/rate-counter/memory.ts';
import { RedisRateCounter } from '#drivers/rate-counter/redis.ts';
import { ownPrefix } from '#test/services/redis.ts';
import { withService } from '#test/services/shared.ts';
import { rateCounterContract } from './rate-counter-contract.ts';
import { openLink } from './redis-subject.ts';

await withService('redis', ({ url }) => {
  rateCounterContract('Redis', async () => {
    const prefix = ownPrefix();
    const counter = async () =>
      new RedisRateCounter({ link: await openLink(url, prefix), alone: new MemoryRateCounter() });
    return { one: await counter(), two: await counter() };
  });
});
