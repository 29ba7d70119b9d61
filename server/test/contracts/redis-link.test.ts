import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { RedisCache } from '#drivers/cache/redis.ts';
import { MemoryRateCounter } from '#drivers/rate-counter/memory.ts';
import { RedisRateCounter } from '#drivers/rate-counter/redis.ts';
import type { RedisLink } from '#drivers/redis/redis-link.ts';
import { ownPrefix, startRedis, startRedisCluster, startSentinelSet } from '#test/services/redis.ts';
import { withService } from '#test/services/shared.ts';
import { recordingLogger } from './metadata-temporary.ts';
import { openLink } from './redis-subject.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function stopAfter<T extends { stop(): Promise<void> }>(server: T): T {
  cleanups.push(() => server.stop());
  return server;
}

const isUp = (link: RedisLink, up: boolean) =>
  vi.waitFor(() => expect(link.up).toBe(up), { timeout: 15_000, interval: 20 });

/** Everything the service does with Redis, over two links that share it. */
async function works(one: RedisLink, two: RedisLink, key: string): Promise<void> {
  const heard: string[] = [];
  const end = two.onMessage((message) => heard.push(message));
  await one.publish(`hello ${key}`);
  await vi.waitFor(() => expect(heard).toEqual([`hello ${key}`]), { timeout: 3000 });
  end();
  const caches = [one, two].map((link) => new RedisCache({ link, nearEntries: 10 }));
  for (let i = 0; i < 20; i += 1) {
    await caches[0]?.set(`${key}/${i}`, i, 5000);
    expect(await caches[1]?.get(`${key}/${i}`)).toBe(i);
  }
  await Promise.all(caches.map((cache) => cache.close()));
  const counters = [one, two].map((link) => new RedisRateCounter({ link, alone: new MemoryRateCounter() }));
  const rule = { limit: 2, windowMs: 60_000 };
  const taken = [];
  for (const counter of [...counters, ...counters]) taken.push((await counter.take(key, rule)).allowed);
  expect(taken).toEqual([true, true, false, false]);
}

await withService('redis', ({ url }) => {
  describe('a link to one Redis', () => {
    it('works, and keeps prefixes apart', async () => {
      const prefix = ownPrefix();
      await works(await openLink(url, prefix), await openLink(url, prefix), 'k');
      const other = await openLink(url, ownPrefix());
      const heard: string[] = [];
      other.onMessage((message) => heard.push(message));
      await (await openLink(url, prefix)).publish('not for you');
      await sleep(100);
      expect(heard).toEqual([]);
    });
  });
});

await withService('redis-server', () => {
  describe('a link to a Redis that fails', () => {
    it('pays for a frozen server once, not with every call, and comes back', async () => {
      const server = stopAfter(await startRedis());
      const logger = recordingLogger();
      const link = await openLink(server.url, ownPrefix(), { timeoutMs: 200, logger });
      server.freeze();
      const startedAt = performance.now();
      const calls = Array.from({ length: 50 }, () => link.ping().catch((error: unknown) => error));
      for (const failure of await Promise.all(calls)) expect(failure).toMatchObject({ code: 'Unavailable' });
      expect(performance.now() - startedAt).toBeLessThan(1500);
      const again = performance.now();
      for (let i = 0; i < 200; i += 1)
        await expect(link.ping()).rejects.toMatchObject({ code: 'Unavailable' });
      expect(performance.now() - again).toBeLessThan(500);
      expect(link.counts).toMatchObject({ up: false, losses: 1 });
      server.thaw();
      await isUp(link, true);
      await link.ping();
      expect(logger.lines.map(({ message }) => message)).toContainEqual(
        expect.stringMatching(
          /^Redis was lost \(no answer within 200 ms\)\. The service goes on from the database/,
        ),
      );
    });

    it('notices by itself that nobody answers, without a call', async () => {
      const server = stopAfter(await startRedis());
      const link = await openLink(server.url, ownPrefix(), { timeoutMs: 200 });
      server.freeze();
      await isUp(link, false);
      server.thaw();
      await isUp(link, true);
    });

    it('lives through a server that comes late, dies and comes back', async () => {
      const server = stopAfter(await startRedis());
      await server.kill();
      const link = await openLink(server.url, ownPrefix());
      expect(link.up).toBe(false);
      await server.start();
      await isUp(link, true);
      await server.kill();
      await isUp(link, false);
      await expect(link.publish('x')).rejects.toMatchObject({ code: 'Unavailable' });
      await server.start();
      await isUp(link, true);
      await link.publish('y');
    });

    it('knows its scripts again after the server forgot them', async () => {
      const server = stopAfter(await startRedis());
      const prefix = ownPrefix();
      const links = [await openLink(server.url, prefix), await openLink(server.url, prefix)] as const;
      await works(...links, 'before');
      await server.command('SCRIPT', 'FLUSH');
      await works(...links, 'after');
    });
  });

  describe('a set with Sentinel', () => {
    it('is found, and its new master is found when the old one dies', { timeout: 60_000 }, async () => {
      const set = stopAfter(await startSentinelSet());
      const prefix = ownPrefix();
      const links = [await openLink(set.url, prefix), await openLink(set.url, prefix)] as const;
      await works(...links, 'first');
      const oneSentinelAway = await openLink(set.url.replace(/:\d+/, ':1'), prefix);
      await works(oneSentinelAway, links[0], 'without the first sentinel');
      await set.servers[0]?.kill();
      await isUp(links[0], false);
      await Promise.all(links.map((link) => isUp(link, true)));
      await works(...links, 'second');
      expect(await set.servers[1]?.command('ROLE')).toMatch(/^master/);
    });
  });

  describe('a cluster', () => {
    it('is used whole, and again after a part of it was away', { timeout: 90_000 }, async () => {
      const set = stopAfter(await startRedisCluster());
      const prefix = ownPrefix();
      const links = [await openLink(set.url, prefix), await openLink(set.url, prefix)] as const;
      await works(...links, 'first');
      const sizes = await Promise.all(set.servers.map((server) => server.command('DBSIZE')));
      expect(sizes.filter((size) => size === '0')).toEqual([]);
      const oneHostAway = await openLink(set.url.replace(/:\d+/, ':1'), prefix);
      await works(oneHostAway, links[0], 'without the first host');
      set.servers[1]?.freeze();
      await isUp(links[0], false);
      set.servers[1]?.thaw();
      await vi.waitFor(() => works(...links, `again-${Date.now()}`), { timeout: 30_000, interval: 300 });
    });
  });
});
