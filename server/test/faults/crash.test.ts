import { expect, test } from 'vitest';
import { runCrashes } from './crash-engine.ts';
import { testSeed } from './random.ts';

const KILLS = 50;

test('what was acknowledged survives kills at random moments; nothing else appears', {
  timeout: 900_000,
}, async () => {
  const acknowledged = await runCrashes({ seed: testSeed(), kills: KILLS });
  console.log(`acknowledged: ${JSON.stringify(acknowledged)}`);
  for (const count of Object.values(acknowledged)) expect(count).toBeGreaterThan(5);
});
