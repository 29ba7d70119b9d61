import { expect, test } from 'vitest';
import { type RedisSet, startRedisCluster, startSentinelSet } from '#test/services/redis.ts';
import { withService } from '#test/services/shared.ts';
import { settles } from './probe.ts';
import { changes, type RedisNodes, startNodes, traffic } from './redis-nodes.ts';

const SETS: readonly (readonly [string, () => Promise<RedisSet>, (set: RedisSet) => void | Promise<void>])[] =
  [
    ['a Sentinel set whose master dies', startSentinelSet, (set) => set.servers[0]?.kill()],
    ['a cluster of which a part stands still', startRedisCluster, (set) => pausedFor(3000, set)],
  ];

/** Frozen from now on, for a while. */
function pausedFor(ms: number, { servers }: RedisSet): void {
  servers[2]?.freeze();
  setTimeout(() => servers[2]?.thaw(), ms);
}

function ready(nodes: RedisNodes): Promise<void> {
  return settles(20_000, async () => {
    const health = await nodes.health();
    return health.every(({ status, up }) => status === 'ok' && up === 1) ? undefined : JSON.stringify(health);
  });
}

await withService('redis-server', () => {
  test.each(SETS)(
    '%s: no error, no old file, and used again by itself',
    { timeout: 90_000 },
    async (_what, start, harm) => {
      const set = await start();
      const nodes = await startNodes(set.url);
      try {
        await ready(nodes);
        const { uid } = await nodes.a.rest.put('steady', 'content');
        const end = traffic(nodes, [uid]);
        await changes(nodes);
        await harm(set);
        const during = await changes(nodes);
        await ready(nodes);
        const after = await changes(nodes);
        const { wrong, slowestMs } = await end();
        expect(wrong).toEqual([]);
        expect(slowestMs).toBeLessThan(3000);
        for (const { deletedAfterMs, renamedAfterMs } of [during, after]) {
          expect(Math.max(deletedAfterMs, renamedAfterMs)).toBeLessThan(2000);
        }
      } finally {
        await nodes.close();
        await set.stop();
      }
    },
  );
});
