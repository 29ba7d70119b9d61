import { MemoryRateCounter } from '#drivers/rate-counter/memory.ts';
import { rateCounterContract } from './rate-counter-contract.ts';

rateCounterContract('memory', async () => {
  const one = new MemoryRateCounter();
  return { one, two: one };
});
