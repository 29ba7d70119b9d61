import { expect, test } from 'vitest';
import { withService } from '#test/services/shared.ts';
import { runChaos } from './cluster-chaos.ts';
import { testSeed } from './random.ts';

await withService('nginx', (nginx) => {
  test('three nodes on PostgreSQL and Redis keep what they acknowledged, whatever happens to them', {
    timeout: 400_000,
  }, async () => {
    const seed = testSeed();
    const acknowledged = await runChaos(nginx, {
      database: 'postgres',
      redis: true,
      seed,
      rounds: 8,
      underWay: [10, 40],
    });
    console.log(`acknowledged: ${JSON.stringify(acknowledged)}`);
    expect(acknowledged.completes).toBeGreaterThan(10);
    expect(acknowledged.parts).toBeGreaterThan(30);
  });
});
