import { expect, test } from 'vitest';
import { runChaos } from '../faults/cluster-chaos.ts';
import { testSeed } from '../faults/random.ts';
import { withService } from '../services/shared.ts';

const FILES = 200;

await withService('nginx', (nginx) => {
  test.each([
    { database: 'postgres', redis: true },
    { database: 'mariadb', redis: false },
  ] as const)('hundreds of files through three nodes on $database survive a long chaos', async (place) => {
    const rounds = Number(process.env.OSPROXY_SOAK_CHAOS ?? '40');
    expect(rounds).toBeGreaterThan(0);
    const acknowledged = await runChaos(nginx, { ...place, seed: testSeed(), rounds, underWay: [30, 90] });
    console.log(`acknowledged: ${JSON.stringify(acknowledged)}`);
    if (rounds >= 40) expect(acknowledged.completes).toBeGreaterThan(FILES);
  });
});
