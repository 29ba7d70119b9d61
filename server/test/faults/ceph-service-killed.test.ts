import { expect, test } from 'vitest';
import { withService } from '#test/services/shared.ts';
import { openCephPlace } from './ceph-place.ts';
import { testSeed } from './random.ts';
import { runStorm, type Trouble, WRITE_BACK } from './store-storm.ts';

const KILLS = 5;

await withService('ceph-rgw', (access) => {
  test('a service that is killed keeps what it acknowledged in Ceph and on the disk, and leaves nothing in the bucket', {
    timeout: 300_000,
  }, async () => {
    const place = await openCephPlace(access, { yaml: WRITE_BACK });
    const killed: Trouble = {
      name: 'SIGKILL of the service',
      kills: true,
      begin: () => place.service.kill(),
      end: () => place.restart(),
    };
    try {
      const acknowledged = await runStorm({
        place,
        seed: testSeed(),
        troubles: Array.from({ length: KILLS }, () => killed),
        sizes: { whole: [0.1, 60, 400, 1500, 9000], part: [64, 6500] },
        lasts: [0, 10],
        moves: true,
      });
      expect(Object.values(acknowledged).reduce((sum, count) => sum + count)).toBeGreaterThan(20);
    } finally {
      await place.close();
    }
  });
});
