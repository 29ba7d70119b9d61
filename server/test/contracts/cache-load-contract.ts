import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Cache } from '#core/ports/cache.ts';

/** What `load` and `forget` promise, of two processes over one shared cache; a cache of one process is both of them. */
export function cacheLoadContract(
  name: string,
  create: () => Promise<{ readonly one: Cache; readonly two: Cache }>,
): void {
  describe(`cache load contract: ${name}`, () => {
    let one: Cache;
    let two: Cache;
    beforeEach(async () => {
      ({ one, two } = await create());
    });
    afterEach(async () => {
      await one.close();
      await two.close();
    });

    it('reads once and keeps what it read, for everybody', async () => {
      const read = vi.fn(async () => ({ name: '报告', size: 1 }));
      for (let i = 0; i < 3; i += 1)
        expect(await one.load('k', 5000, read)).toEqual({ name: '报告', size: 1 });
      await sleep(50);
      expect(await two.load('k', 5000, read)).toEqual({ name: '报告', size: 1 });
      expect(read).toHaveBeenCalledTimes(1);
    });

    it('keeps values as they are, also those that JSON does not know', async () => {
      const value = { big: 2n ** 63n, at: new Date(5), nothing: undefined, list: [undefined, Number.NaN] };
      await one.load('k', 5000, async () => value);
      await sleep(50);
      expect(await two.load('k', 5000, async () => 'read again')).toStrictEqual(value);
    });

    it('keeps neither undefined nor what shall not be kept', async () => {
      const nothing = vi.fn(async () => undefined);
      await one.load('k', 5000, nothing);
      await one.load('k', 5000, nothing);
      expect(nothing).toHaveBeenCalledTimes(2);
      const long = vi.fn(async () => 'long');
      const load = () => one.load('l', 5000, long, (text) => text.length < 3);
      await load();
      expect(await load()).toBe('long');
      expect(long).toHaveBeenCalledTimes(2);
    });

    it('never keeps what was read before a delete, whoever deleted', async () => {
      for (const [reader, deleter] of [
        [one, one],
        [one, two],
        [two, one],
      ] as const) {
        const old = await reader.load('k', 5000, async () => {
          await deleter.delete('k');
          await reader.forget('k');
          return 'old';
        });
        expect(old).toBe('old');
        await sleep(50);
        for (const cache of [one, two]) expect(await cache.load('k', 5000, async () => 'new')).toBe('new');
        await one.delete('k');
        await two.forget('k');
      }
    });

    it('keeps what was read after a delete', async () => {
      await one.load('k', 5000, async () => 'old');
      await one.delete('k');
      await two.forget('k');
      const read = vi.fn(async () => 'new');
      for (let i = 0; i < 3; i += 1) expect(await one.load('k', 5000, read)).toBe('new');
      expect(read).toHaveBeenCalledTimes(1);
    });

    it('counts the time from before the reading', async () => {
      const slow = async () => {
        await sleep(100);
        return 'slow';
      };
      await one.load('k', 80, slow);
      await sleep(10);
      const again = async () => 'again';
      expect(await one.load('k', 5000, again)).toBe('again');
      expect(await two.load('k', 5000, again)).toBe('again');
    });

    it('never gives an entry beyond its time, nor longer for passing it on', async () => {
      await one.load('k', 300, async () => 'first');
      await sleep(200);
      expect(await two.load('k', 5000, async () => 'second')).toBe('first');
      await sleep(150);
      expect(await two.load('k', 5000, async () => 'third')).toBe('third');
    });

    it('rejects with what the reading throws and keeps nothing of it', async () => {
      const fails = () => one.load('k', 5000, () => Promise.reject(new Error('no database')));
      await expect(fails()).rejects.toThrow('no database');
      expect(await one.load('k', 5000, async () => 'fine')).toBe('fine');
    });

    it('survives many readers and deleters of one key without keeping an old value', async () => {
      let truth = 0;
      const load = (cache: Cache) =>
        cache.load('k', 5000, async () => {
          const seen = truth;
          await sleep(Math.random() * 5);
          return seen;
        });
      for (let round = 0; round < 30; round += 1) {
        const readers = Array.from({ length: 8 }, (_, i) => load(i % 2 === 0 ? one : two));
        await sleep(Math.random() * 5);
        truth += 1;
        await one.delete('k');
        await two.forget('k');
        expect(await load(one)).toBe(truth);
        expect(await load(two)).toBe(truth);
        await Promise.all(readers);
        expect(await load(one)).toBe(truth);
        expect(await load(two)).toBe(truth);
      }
    });
  });
}
