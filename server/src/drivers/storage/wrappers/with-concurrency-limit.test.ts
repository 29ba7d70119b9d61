import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { randomBytes, readAll, refused, sourceOf, sourceThat } from '#test/contracts/storage-fixtures.ts';
import { MemoryDriver } from '../memory/memory-driver.ts';
import { withConcurrencyLimit } from './with-concurrency-limit.ts';

/** Opens give a stream, never the bytes at once. */
async function streamingStore(): Promise<StorageDriver> {
  const memory = new MemoryDriver();
  await memory.put('a', sourceOf(randomBytes(1000)));
  return {
    nodeLocal: true,
    put: (...call) => memory.put(...call),
    async open(...call) {
      const { bytes: _bytes, ...object } = await memory.open(...call);
      return object;
    },
    stat: (...call) => memory.stat(...call),
    delete: (...call) => memory.delete(...call),
    list: (...call) => memory.list(...call),
    close: () => memory.close(),
  };
}

test('a read holds its place until its stream ends, and the next in line gets it', async () => {
  const driver = withConcurrencyLimit(await streamingStore(), { maxReads: 1, maxWrites: 1, maxQueued: 10 });
  const first = await driver.open('a');
  const order: string[] = [];
  const waiting = [
    driver.stat('a').then(() => order.push('second')),
    driver.stat('a').then(() => order.push('third')),
  ];
  await sleep(20);
  expect(order).toEqual([]);
  for await (const chunk of first.chunks) expect(chunk).toHaveLength(1000);
  await Promise.all(waiting);
  expect(order).toEqual(['second', 'third']);
});

test.each(['leave', 'close', 'fail'])(
  'a place comes back when the consumer makes the stream %s',
  async (how) => {
    const driver = withConcurrencyLimit(await streamingStore(), { maxReads: 1, maxWrites: 1, maxQueued: 0 });
    const abort = new AbortController();
    const object = await driver.open('a', undefined, { signal: abort.signal });
    await refused('Unavailable', driver.stat('a'));
    if (how === 'leave') for await (const _chunk of object.chunks) break;
    if (how === 'close') await object.close();
    if (how === 'fail') {
      abort.abort();
      await refused('Cancelled', object.chunks[Symbol.asyncIterator]().next());
    }
    await driver.stat('a');
    await refused('NotFound', driver.open('absent'));
    await driver.stat('a');
  },
);

test('a full queue refuses with Unavailable, a wait ends with the signal or in time', async () => {
  const limits = { maxReads: 1, maxWrites: 1, maxQueued: 1, maxWaitMs: 50 };
  const driver = withConcurrencyLimit(await streamingStore(), limits);
  const holder = await driver.open('a');
  const abort = new AbortController();
  const waiting = driver.stat('a', { signal: abort.signal });
  const busy = await refused('Unavailable', driver.stat('a'));
  expect(busy).toMatchObject({ retryable: true, retryAfterSeconds: 1 });
  abort.abort();
  await refused('Cancelled', waiting);
  await refused('Unavailable', driver.stat('a'));
  await holder.close();
  await driver.stat('a');
});

test('puts that read from the same store do not wait for themselves', async () => {
  const driver = withConcurrencyLimit(await streamingStore(), { maxReads: 1, maxWrites: 2, maxQueued: 10 });
  await Promise.all(
    ['b', 'c', 'd', 'e'].map((key) =>
      driver.put(
        key,
        sourceThat(1, async () => {
          await readAll(driver, 'a');
        }),
      ),
    ),
  );
  expect((await driver.stat('e')).size).toBe(65_536);
});

test('what the driver does not have, the wrapped one does not have', async () => {
  const limits = { maxReads: 1, maxWrites: 1, maxQueued: 0 };
  const driver = withConcurrencyLimit(await streamingStore(), limits);
  for (const member of ['compose', 'presign', 'sweep']) expect(member in driver).toBe(false);
  expect('compose' in withConcurrencyLimit(new MemoryDriver(), limits)).toBe(true);
});
