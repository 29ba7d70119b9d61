import { expect, test } from 'vitest';
import { withService } from '#test/services/shared.ts';
import { openCephPlace, STORE_IDLE_SECONDS } from './ceph-place.ts';
import { networkTroubles } from './network-troubles.ts';
import { testSeed } from './random.ts';
import { runStorm, WRITE_BACK } from './store-storm.ts';

await withService('ceph-rgw', (access) => {
  test('whatever the network to the store does, what was acknowledged is there and nothing else is', {
    timeout: 300_000,
  }, async () => {
    const place = await openCephPlace(access, { yaml: WRITE_BACK });
    try {
      const acknowledged = await runStorm({
        place,
        seed: testSeed(),
        troubles: networkTroubles(place.proxy),
        sizes: { whole: [0.1, 60, 400, 1500, 9000], part: [64, 6500] },
        lasts: [1000, 1500 * STORE_IDLE_SECONDS],
        moves: true,
      });
      expect(Object.values(acknowledged).reduce((sum, count) => sum + count)).toBeGreaterThan(40);
    } finally {
      await place.close();
    }
  });
});
