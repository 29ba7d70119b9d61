import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type CephRgw, startCephRgw } from '#test/services/ceph-rgw.ts';
import { ServiceUnavailable } from '#test/services/service-unavailable.ts';
import { openCephPlace } from './ceph-place.ts';
import { bytesOf, testSeed } from './random.ts';
import { runStorm, type Trouble, WRITE_BACK } from './store-storm.ts';

const KILLS = 4;
const MIB = 1024 * 1024;
/** Parts that the gateway of these tests joins at most; the load stays below. */
const MOST_PARTS = 6;

/** A cluster of its own: the others of the run are not to see their gateway die. */
describe('a service whose Ceph gateway is killed', () => {
  let ceph: CephRgw | undefined;
  let absent: string | undefined;
  const cluster = (): CephRgw => {
    if (ceph === undefined) throw new Error('No gateway is running.');
    return ceph;
  };
  beforeAll(async () => {
    try {
      ceph = await startCephRgw({ gatewaySettings: `rgw multipart part upload limit = ${MOST_PARTS}` });
    } catch (error) {
      if (!(error instanceof ServiceUnavailable) || process.env.CI === 'true') throw error;
      absent = error.message;
    }
  }, 660_000);
  beforeEach(({ skip }) => {
    if (absent !== undefined) skip(absent);
  });
  afterAll(() => ceph?.stop(), 60_000);

  test('loses nothing, shows nothing wrong, leaves nothing behind and works again by itself', {
    timeout: 300_000,
  }, async () => {
    const killed: Trouble = {
      name: 'SIGKILL of the gateway',
      begin: () => cluster().killGateway(),
      end: () => cluster().startGateway(),
    };
    const place = await openCephPlace(cluster().access, { yaml: WRITE_BACK });
    try {
      const acknowledged = await runStorm({
        place,
        seed: testSeed(),
        troubles: Array.from({ length: KILLS }, () => killed),
        sizes: { whole: [0.1, 60, 400, 1500, 9000], part: [64, 6500] },
        lasts: [0, 1500],
        moves: true,
      });
      expect(Object.values(acknowledged).reduce((sum, count) => sum + count)).toBeGreaterThan(20);
    } finally {
      await place.close();
    }
  });

  test('keeps a file of more parts than the store joins in its parts, verified, and ends the task', {
    timeout: 120_000,
  }, async () => {
    const place = await openCephPlace(cluster().access);
    try {
      const parts = Array.from({ length: MOST_PARTS + 1 }, (_, seed) => bytesOf({ seed, size: 5 * MIB }));
      const { uid } = await place.client.putParts(parts, { name: 'many.bin' });
      await place.verified(uid);
      const [task] = await place.query(
        "select state, attempts, last_error from tasks where type = 'compose'",
      );
      expect(task).toMatchObject({ state: 'done', attempts: 1n, last_error: null });
      expect((await place.client.content(uid)).bytes.equals(Buffer.concat(parts))).toBe(true);
      const range = await place.client.content(uid, { range: `bytes=${5 * MIB - 3}-${10 * MIB + 2}` });
      expect(range.bytes.equals(Buffer.concat(parts).subarray(5 * MIB - 3, 10 * MIB + 3))).toBe(true);
      await place.onlyNamed();
      expect(await place.bucketKeys()).toHaveLength(MOST_PARTS + 1);
      await expect
        .poll(() => place.service.lines.join('\n'))
        .toMatch(/"parts":7,.*the file stays in its parts/);
      const joined = await place.client.putParts(parts.slice(1), { name: 'enough.bin' });
      await place.verified(joined.uid);
      await place.cleanFsck();
    } finally {
      await place.close();
    }
  });
});
