import { expect, test } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { keysOf, randomBytes, readAll, refused, sourceOf } from '#test/contracts/storage-fixtures.ts';
import { MemoryDriver } from '../memory/memory-driver.ts';
import { withRetry } from './with-retry.ts';

/** Fails the first calls of every operation. */
function failing(failures: number, failure: OsproxyError) {
  const memory = new MemoryDriver();
  const calls: string[] = [];
  const hit = (operation: string): void => {
    calls.push(operation);
    if (calls.filter((call) => call === operation).length <= failures) throw failure;
  };
  const driver: StorageDriver = {
    nodeLocal: true,
    async put(...call) {
      hit('put');
      return memory.put(...call);
    },
    async open(...call) {
      hit('open');
      return memory.open(...call);
    },
    async stat(...call) {
      hit('stat');
      return memory.stat(...call);
    },
    async delete(...call) {
      hit('delete');
      return memory.delete(...call);
    },
    async *list(...call) {
      hit('list');
      yield* memory.list(...call);
    },
    close: () => memory.close(),
  };
  return { driver, calls };
}

const away = new OsproxyError('Unavailable', 'Away.');

test('repeats what failed with a retryable error', async () => {
  const { driver, calls } = failing(2, away);
  const retrying = withRetry(driver, { attempts: 3, baseDelayMs: 1 });
  await retrying.put('a', sourceOf(Buffer.from('x')));
  expect((await readAll(retrying, 'a')).toString()).toBe('x');
  await retrying.stat('a');
  expect(await keysOf(retrying)).toEqual(['a']);
  await retrying.delete('a');
  for (const operation of ['put', 'open', 'stat', 'list', 'delete']) {
    expect(calls.filter((call) => call === operation)).toHaveLength(3);
  }
});

test('gives up after the attempts and passes the last error on', async () => {
  const { driver, calls } = failing(9, away);
  expect(await refused('Unavailable', withRetry(driver, { attempts: 3, baseDelayMs: 1 }).stat('a'))).toBe(
    away,
  );
  expect(calls).toHaveLength(3);
});

test('does not repeat other errors, nor a put whose source cannot be read again', async () => {
  const other = failing(9, new OsproxyError('QuotaExceeded', 'Full.'));
  await refused('QuotaExceeded', withRetry(other.driver, { baseDelayMs: 1 }).stat('a'));
  expect(other.calls).toHaveLength(1);
  const { driver, calls } = failing(1, away);
  const once = sourceOf(randomBytes(1), { replayable: false });
  await refused('Unavailable', withRetry(driver, { baseDelayMs: 1 }).put('a', once));
  expect(calls).toEqual(['put']);
});

test('starts no attempt after the total time, nor sooner than the store asked for', async () => {
  const { driver, calls } = failing(9, new OsproxyError('Unavailable', 'Away.', { retryAfterSeconds: 5 }));
  const startedAt = performance.now();
  await refused('Unavailable', withRetry(driver, { baseDelayMs: 1, maxTotalMs: 1000 }).stat('a'));
  expect(calls).toHaveLength(1);
  expect(performance.now() - startedAt).toBeLessThan(900);
});

test('a wait ends with the signal', async () => {
  const { driver, calls } = failing(9, new OsproxyError('Unavailable', 'Away.', { retryAfterSeconds: 10 }));
  const signal = AbortSignal.timeout(20);
  await refused('Cancelled', withRetry(driver, {}).stat('a', { signal }));
  expect(calls).toHaveLength(1);
});

async function* breakingOff(): AsyncGenerator<Uint8Array> {
  yield randomBytes(1);
  throw away;
}

test('never resumes a stream that broke off', async () => {
  let opened = 0;
  const broken: StorageDriver = {
    ...failing(0, away).driver,
    async open() {
      opened += 1;
      return { size: 2, chunks: breakingOff(), close: async () => {} };
    },
    async *list() {
      opened += 1;
      yield { key: 'a', size: 1, modifiedAt: new Date() };
      throw away;
    },
  };
  const retrying = withRetry(broken, { baseDelayMs: 1 });
  await refused('Unavailable', readAll(retrying, 'a'));
  expect(opened).toBe(1);
  await refused('Unavailable', keysOf(retrying));
  expect(opened).toBe(2);
});
