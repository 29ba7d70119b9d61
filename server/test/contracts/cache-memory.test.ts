import { MemoryCache } from '#drivers/cache/memory.ts';
import { cacheContract } from './cache-contract.ts';
import { cacheLoadContract } from './cache-load-contract.ts';

cacheContract('memory', async () => new MemoryCache({ maxEntries: 100 }));
cacheLoadContract('memory', async () => {
  const one = new MemoryCache({ maxEntries: 100 });
  return { one, two: one };
});
