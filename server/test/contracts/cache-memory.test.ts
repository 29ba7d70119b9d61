import { MemoryCache } from '#drivers/cache/memory.ts';
import { cacheContract } from './cache-contract.ts';

cacheContract('memory', async () => new MemoryCache({ maxEntries: 100 }));
