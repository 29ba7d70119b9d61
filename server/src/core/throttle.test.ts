import { expect, it } from 'vitest';
import { Throttle } from './throttle.ts';

it('lets no more than its bytes per second pass, over all who share it', async () => {
  const throttle = new Throttle(1_000_000);
  const started = performance.now();
  const take = async () => {
    for (let i = 0; i < 10; i += 1) await throttle.take(50_000, undefined);
  };
  await Promise.all([take(), take()]);
  const took = performance.now() - started;
  expect(took).toBeGreaterThan(650);
  expect(took).toBeLessThan(5000);
});

it('ends the wait when the signal fires', async () => {
  const throttle = new Throttle(10);
  const stop = new AbortController();
  const waiting = throttle.take(1_000_000, stop.signal);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'Cancelled' });
});
