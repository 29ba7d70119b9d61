import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cache } from '#core/ports/cache.ts';

/** The promises of the cache port; call it with a function that makes an empty cache. */
export function cacheContract(name: string, createCache: () => Promise<Cache>): void {
  describe(`cache contract: ${name}`, () => {
    let cache: Cache;
    beforeEach(async () => {
      cache = await createCache();
    });
    afterEach(() => cache.close());

    it('gives back what was set last', async () => {
      expect(await cache.get('a')).toBeUndefined();
      await cache.set('a', { deep: ['😀', 1, null] }, 10_000);
      expect(await cache.get('a')).toEqual({ deep: ['😀', 1, null] });
      await cache.set('a', 'new', 10_000);
      expect(await cache.get('a')).toBe('new');
    });

    it('tells keys apart and keeps falsy values', async () => {
      for (const [key, value] of [
        ['zero', 0],
        ['empty', ''],
        ['false', false],
        ['null', null],
      ] as const) {
        await cache.set(key, value, 10_000);
        expect(await cache.get(key)).toBe(value);
      }
      expect(await cache.get('Zero')).toBeUndefined();
    });

    it('forgets what was deleted', async () => {
      await cache.set('a', 1, 10_000);
      await cache.delete('a');
      await cache.delete('never there');
      expect(await cache.get('a')).toBeUndefined();
    });

    it('never gives an entry beyond its time', async () => {
      await cache.set('short', 1, 30);
      await cache.set('long', 1, 10_000);
      await sleep(60);
      expect(await cache.get('short')).toBeUndefined();
      expect(await cache.get('long')).toBe(1);
    });

    it('starts the time anew with each set', async () => {
      await cache.set('a', 1, 30);
      await cache.set('a', 2, 10_000);
      await sleep(60);
      expect(await cache.get('a')).toBe(2);
    });

    it('refuses a time that is not above zero', async () => {
      await expect(cache.set('a', 1, 0)).rejects.toMatchObject({ code: 'InvalidArgument' });
      await expect(cache.set('a', 1, Number.NaN)).rejects.toMatchObject({ code: 'InvalidArgument' });
    });
  });
}
