import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { SeenNonces } from './seen-nonces.ts';

it('knows a nonce for the whole time, and forgets it after twice that', async () => {
  const seen = new SeenNonces(200);
  expect(seen.add('a')).toBe(true);
  await sleep(120);
  expect(seen.add('a')).toBe(false);
  await sleep(500);
  expect(seen.add('a')).toBe(true);
});

it('refuses more than it may keep instead of forgetting one too early', () => {
  const seen = new SeenNonces(60_000, 3);
  for (const nonce of ['a', 'b', 'c']) expect(seen.add(nonce)).toBe(true);
  expect(() => seen.add('d')).toThrow(/more often/);
  expect(seen.add('a')).toBe(false);
});
