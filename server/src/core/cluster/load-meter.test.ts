import { expect, it } from 'vitest';
import { addUpLoads, LoadMeter } from './load-meter.ts';

it('tells how late timers fire, and nothing where none is late', async () => {
  const meter = new LoadMeter({ transfers: () => 1, tasks: () => 2 });
  expect(meter.read()).toEqual({ transfers: 1, tasks: 2, eventLoopDelayMs: 0 });
  await new Promise((resolve) => setTimeout(resolve, 120));
  for (const until = performance.now() + 400; performance.now() < until; );
  await new Promise((resolve) => setTimeout(resolve, 120));
  const { eventLoopDelayMs } = meter.read();
  meter.stop();
  expect(eventLoopDelayMs).toBeGreaterThan(200);
});

it('adds up what is counted and takes the latest timer', () => {
  const loads = [
    { transfers: 1, tasks: 0, eventLoopDelayMs: 3 },
    { transfers: 4, tasks: 2, eventLoopDelayMs: 1 },
  ];
  expect(addUpLoads(loads)).toEqual({ transfers: 5, tasks: 2, eventLoopDelayMs: 3 });
});
