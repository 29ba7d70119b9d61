import { expect, it } from 'vitest';
import { MemoryCache } from './memory.ts';

it('holds no more than its entries and drops the least recently used', async () => {
  const cache = new MemoryCache({ maxEntries: 3 });
  for (const key of ['a', 'b', 'c']) await cache.set(key, key, 10_000);
  expect(await cache.get('a')).toBe('a');
  await cache.set('d', 'd', 10_000);
  expect(await cache.get('b')).toBeUndefined();
  await cache.set('c', 'again', 10_000);
  await cache.set('e', 'e', 10_000);
  const left = await Promise.all(['a', 'c', 'd', 'e'].map((key) => cache.get(key)));
  expect(left).toEqual([undefined, 'again', 'd', 'e']);
});

it('stays within bounds under many keys', async () => {
  const cache = new MemoryCache({ maxEntries: 10 });
  for (let i = 0; i < 1000; i++) await cache.set(`k${i}`, i, 10_000);
  const found = await Promise.all(Array.from({ length: 1000 }, (_, i) => cache.get(`k${i}`)));
  expect(found.filter((value) => value !== undefined)).toHaveLength(10);
});

it('refuses sizes that make no sense', () => {
  for (const maxEntries of [0, -1, 1.5, Number.NaN]) {
    expect(() => new MemoryCache({ maxEntries })).toThrow('at least 1');
  }
});
