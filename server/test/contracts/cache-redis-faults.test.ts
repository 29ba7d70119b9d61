import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RedisCache } from '#drivers/cache/redis.ts';
import type { RedisLink } from '#drivers/redis/redis-link.ts';
import { ownPrefix, type RedisServer, startRedis } from '#test/services/redis.ts';
import { withService } from '#test/services/shared.ts';
import { openLink } from './redis-subject.ts';

const TTL_MS = 5000;

await withService('redis-server', () => {
  describe('a cache in Redis, while Redis fails', () => {
    let server: RedisServer;
    let prefix: string;
    let links: RedisLink[];
    let one: RedisCache;
    let two: RedisCache;

    beforeEach(async () => {
      server = await startRedis();
      prefix = ownPrefix();
      links = [];
      for (let i = 0; i < 2; i += 1) links.push(await openLink(server.url, prefix, { timeoutMs: 200 }));
      const [first, second] = links as [RedisLink, RedisLink];
      one = new RedisCache({ link: first, nearEntries: 10 });
      two = new RedisCache({ link: second, nearEntries: 10 });
    });
    afterEach(async () => {
      await one.close();
      await two.close();
      await Promise.all(links.map((link) => link.close()));
      await server.stop();
    });

    const up = (wanted: boolean) =>
      vi.waitFor(() => expect(links.map((link) => link.up)).toEqual([wanted, wanted]), {
        timeout: 10_000,
        interval: 10,
      });
    const value = (text: string) => async () => text;

    it('never rejects and goes on as the cache of one process', async () => {
      await server.kill();
      await up(false);
      const read = vi.fn(value('v'));
      for (let i = 0; i < 3; i += 1) expect(await one.load('k', TTL_MS, read)).toBe('v');
      expect(read).toHaveBeenCalledTimes(1);
      expect(await two.get('k')).toBeUndefined();
      await one.set('k', 'set', TTL_MS);
      expect(await one.get('k')).toBe('set');
      await one.delete('k');
      expect(await one.get('k')).toBeUndefined();
    });

    it('lets go of what this process keeps when the link is lost, and when it comes back', async () => {
      await one.load('k', TTL_MS, value('before'));
      await server.kill();
      await up(false);
      expect(await one.load('k', TTL_MS, value('during'))).toBe('during');
      await server.start();
      await up(true);
      expect(await one.load('k', TTL_MS, value('after'))).toBe('after');
    });

    it('refuses a fill whose lease Redis has lost together with the delete', async () => {
      const old = await two.load('k', TTL_MS, async () => {
        await one.delete('k');
        await server.command('FLUSHALL');
        return 'old';
      });
      expect(old).toBe('old');
      await sleep(50);
      const third = new RedisCache({ link: links[0] as RedisLink, nearEntries: 10 });
      expect(await third.load('k', TTL_MS, value('new'))).toBe('new');
      await third.close();
    });

    it('does not ask Redis for what it knows to have changed, whatever became of the delete', async () => {
      await one.load('k', TTL_MS, value('old'));
      await sleep(50);
      server.freeze();
      await one.delete('k');
      await two.forget('k');
      await up(false);
      server.thaw();
      await up(true);
      // As after a failover that lost the delete.
      const third = new RedisCache({ link: links[0] as RedisLink, nearEntries: 10 });
      await third.set('k', 'old', TTL_MS);
      for (const cache of [one, two]) expect(await cache.load('k', TTL_MS, value('new'))).toBe('new');
      await third.close();
    });

    it('lets a fill that was held up on its way live no longer for it', async () => {
      const filled = one.load('k', 900, async () => {
        server.freeze();
        return 'old';
      });
      expect(await filled).toBe('old');
      await sleep(1200);
      server.thaw();
      await up(true);
      await sleep(100);
      expect(await server.command('HEXISTS', `${prefix}cache1:k`, 'v')).toBe('0');
      expect(await two.load('k', TTL_MS, value('new'))).toBe('new');
    });

    it('takes entries that it cannot read for none', async () => {
      await one.set('k', 'mine', TTL_MS);
      await server.command('HSET', `${prefix}cache1:k`, 'v', 'not of this service');
      expect(await two.load('k', TTL_MS, value('read'))).toBe('read');
      await server.command('DEL', `${prefix}cache1:k`);
      await server.command('SET', `${prefix}cache1:k`, 'of another kind');
      expect(await two.get('l')).toBeUndefined();
      await two.delete('l');
      await server.command('SET', `${prefix}cache1:m`, 'of another kind');
      expect(await two.load('m', TTL_MS, value('read'))).toBe('read');
      expect(links.every((link) => link.up)).toBe(true);
    });
  });
});
