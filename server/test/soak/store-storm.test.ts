import { expect, test } from 'vitest';
import { openCephPlace } from '../faults/ceph-place.ts';
import { networkTroubles } from '../faults/network-troubles.ts';
import { Random, testSeed } from '../faults/random.ts';
import { runStorm, type Trouble, WRITE_BACK } from '../faults/store-storm.ts';
import { type CephRgw, startCephRgw } from '../services/ceph-rgw.ts';
import { ServiceUnavailable } from '../services/service-unavailable.ts';

/** Every trouble there is, in any order, over one service and one bucket. */
test('what was acknowledged survives a long storm of network faults and kills of gateway and service', async ({
  skip,
}) => {
  const rounds = Number(process.env.OSPROXY_SOAK_STORMS ?? '100');
  expect(rounds).toBeGreaterThan(0);
  const seed = testSeed();
  const ceph = await startCephRgw().catch((error: unknown): CephRgw => {
    if (!(error instanceof ServiceUnavailable) || process.env.CI === 'true') throw error;
    return skip(error.message);
  });
  try {
    const place = await openCephPlace(ceph.access, { yaml: WRITE_BACK });
    const kills: readonly Trouble[] = [
      { name: 'SIGKILL of the gateway', begin: () => ceph.killGateway(), end: () => ceph.startGateway() },
      {
        name: 'SIGKILL of the service',
        kills: true,
        begin: () => place.service.kill(),
        end: () => place.restart(),
      },
    ];
    try {
      const random = new Random(seed, 1);
      const choices = [...networkTroubles(place.proxy), ...kills, ...kills];
      const troubles = Array.from({ length: rounds }, () => random.pick(choices) as Trouble);
      const acknowledged = await runStorm({
        place,
        seed,
        troubles,
        sizes: { whole: [0.1, 60, 400, 1500, 9000, 30_000], part: [64, 9000] },
        lasts: [0, 8000],
        moves: true,
      });
      console.log(`acknowledged: ${JSON.stringify(acknowledged)}`);
      expect(acknowledged.files).toBeGreaterThan(rounds / 2);
    } finally {
      await place.close();
    }
  } finally {
    await ceph.stop();
  }
});
