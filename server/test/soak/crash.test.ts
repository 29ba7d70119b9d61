import { expect, test } from 'vitest';
import { runCrashes } from '../faults/crash-engine.ts';
import { testSeed } from '../faults/random.ts';

test('what was acknowledged survives hundreds of kills over one data folder', async () => {
  const kills = Number(process.env.OSPROXY_SOAK_KILLS ?? '300');
  expect(kills).toBeGreaterThan(0);
  const acknowledged = await runCrashes({ seed: testSeed(), kills });
  console.log(`acknowledged: ${JSON.stringify(acknowledged)}`);
  expect(acknowledged.files).toBeGreaterThan(kills / 2);
});
