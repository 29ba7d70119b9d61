import { expect, it } from 'vitest';
import { OsproxyError } from './errors.ts';
import type { ServicePrincipal } from './model/principal.ts';
import type { RateCounter } from './ports/rate-counter.ts';
import { networkOf, RateLimits } from './rate-limits.ts';

const WINDOW_MS = 60_000;
const somebody: ServicePrincipal = { kind: 'service', keyId: 'k1', owner: 'o', scopes: new Set() };

/** Counts without end, so that a test says itself when a minute is over. */
function counting() {
  const counts = new Map<string, number>();
  const counter: RateCounter = {
    take: async (key, { limit }) => {
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      return { allowed: count <= limit, remaining: Math.max(0, limit - count), resetMs: WINDOW_MS };
    },
    close: async () => {},
  };
  return { counter, counts };
}

async function authenticate({ apiKey }: { apiKey?: string }) {
  if (apiKey === 'good') return somebody;
  if (apiKey === 'over') throw new OsproxyError('Expired', 'It is over.');
  throw new OsproxyError('Unauthenticated', 'The key is unknown.');
}

it('counts requests by key, by link, or by address', async () => {
  const { counter, counts } = counting();
  const limits = new RateLimits({ counter, requestsPerMinute: 2, failuresPerMinute: 0 });
  await limits.take(somebody, '10.0.0.1');
  await limits.take(somebody, '10.0.0.2');
  const link = { kind: 'link', linkId: 'l1', uid: '1', scope: 'read', disposition: 'inline' } as const;
  await limits.take(link, '10.0.0.1');
  await limits.take({ kind: 'anonymous' }, '::ffff:10.0.0.1');
  expect([...counts]).toEqual([
    ['requests/key/k1', 2],
    ['requests/link/l1', 1],
    ['requests/address/10.0.0.1', 1],
  ]);
  expect(await limits.take(somebody, '10.0.0.3')).toMatchObject({ allowed: false });
});

it('never limits other nodes', async () => {
  const { counter, counts } = counting();
  const limits = new RateLimits({ counter, requestsPerMinute: 1, failuresPerMinute: 1 });
  const peer = { header: 'wrong', method: 'GET', target: '/', bodySha256: '' };
  for (let i = 0; i < 3; i += 1) {
    expect(await limits.take({ kind: 'peer', nodeId: 'n', prove: () => '' }, '10.0.0.1')).toBeUndefined();
    await expect(limits.authenticate({ peer }, '10.0.0.1', authenticate)).rejects.toThrow('unknown');
  }
  expect(counts.size).toBe(0);
});

it('counts nothing where nothing is limited', async () => {
  const { counter, counts } = counting();
  const limits = new RateLimits({ counter, requestsPerMinute: 0, failuresPerMinute: 0 });
  expect(await limits.take(somebody, '10.0.0.1')).toBeUndefined();
  for (let i = 0; i < 5; i += 1) {
    await expect(limits.authenticate({ apiKey: 'bad' }, '10.0.0.1', authenticate)).rejects.toThrow('unknown');
  }
  expect(counts.size).toBe(0);
});

it('shuts an address out that guesses, and nobody else', async () => {
  const { counter } = counting();
  const limits = new RateLimits({ counter, requestsPerMinute: 0, failuresPerMinute: 3 });
  const guess = (address: string, apiKey = 'bad') => limits.authenticate({ apiKey }, address, authenticate);
  for (let i = 0; i < 3; i += 1)
    await expect(guess('10.0.0.1')).rejects.toMatchObject({ code: 'Unauthenticated' });
  await expect(guess('10.0.0.1')).rejects.toMatchObject({ code: 'RateLimited', retryAfterSeconds: 60 });
  // Also the right key is not found by guessing on.
  await expect(guess('10.0.0.1', 'good')).rejects.toMatchObject({ code: 'RateLimited' });
  await expect(guess('10.0.0.2')).rejects.toMatchObject({ code: 'Unauthenticated' });
  expect(await guess('10.0.0.2', 'good')).toBe(somebody);
  // Known to be good by now, so it stays so for those who share the guesser's address.
  expect(await guess('10.0.0.1', 'good')).toBe(somebody);
});

it('takes only wrong credentials for guesses', async () => {
  const { counter } = counting();
  const limits = new RateLimits({ counter, requestsPerMinute: 0, failuresPerMinute: 1 });
  for (let i = 0; i < 3; i += 1) {
    await expect(limits.authenticate({ apiKey: 'over' }, '10.0.0.1', authenticate)).rejects.toThrow(
      'It is over.',
    );
  }
  expect(await limits.authenticate({ apiKey: 'good' }, '10.0.0.1', authenticate)).toBe(somebody);
});

it.each([
  ['10.1.2.3', '10.1.2.3'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('the network of %s is %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
