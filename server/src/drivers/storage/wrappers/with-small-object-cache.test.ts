import { expect, test } from 'vitest';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { randomBytes, readAll, refused, sourceOf } from '#test/contracts/storage-fixtures.ts';
import { throwIfCancelled } from '../abort.ts';
import { MemoryDriver } from '../memory/memory-driver.ts';
import { smallBytes } from './small-object-cache.ts';
import { withSmallObjectCache } from './with-small-object-cache.ts';

const KIB = 1024;

/** Counts opens and lets a test hold them. */
function observed() {
  const memory = new MemoryDriver();
  const state = { opens: 0, gate: Promise.resolve() };
  const inner: StorageDriver = {
    nodeLocal: true,
    put: (...call) => memory.put(...call),
    async open(key, range, options) {
      state.opens += 1;
      const object = await memory.open(key, range, options);
      await state.gate;
      throwIfCancelled(options?.signal);
      return object;
    },
    stat: (...call) => memory.stat(...call),
    delete: (...call) => memory.delete(...call),
    list: (...call) => memory.list(...call),
    close: () => memory.close(),
  };
  const driver = withSmallObjectCache(inner, { maxBytes: 40 * KIB, maxObjectBytes: 10 * KIB });
  return { driver, state };
}

test('a small object is read once; every range of it then comes from memory', async () => {
  const { driver, state } = observed();
  const bytes = Buffer.from(randomBytes(10 * KIB));
  await driver.put('a', sourceOf(bytes));
  await readAll(driver, 'a');
  const part = await driver.open('a', { offset: 100, length: 50 });
  expect(part.size).toBe(bytes.length);
  expect(Buffer.from(smallBytes(part) ?? [])).toEqual(bytes.subarray(100, 150));
  expect((await readAll(driver, 'a')).equals(bytes)).toBe(true);
  await refused('RangeNotSatisfiable', driver.open('a', { offset: 10 * KIB, length: 1 }));
  await refused('Cancelled', driver.open('a', undefined, { signal: AbortSignal.abort() }));
  expect(state.opens).toBe(1);
});

test('a large object is never kept', async () => {
  const { driver, state } = observed();
  await driver.put('a', sourceOf(randomBytes(10 * KIB + 1)));
  await readAll(driver, 'a');
  await readAll(driver, 'a');
  expect(state.opens).toBe(2);
});

test('stays within its bytes; what was used longest ago goes first', async () => {
  const { driver, state } = observed();
  for (const key of ['a', 'b', 'c', 'd']) await driver.put(key, sourceOf(randomBytes(10 * KIB)));
  for (const key of ['a', 'b', 'c', 'a', 'd']) await readAll(driver, key);
  expect(state.opens).toBe(4);
  await readAll(driver, 'a');
  expect(state.opens).toBe(4);
  await readAll(driver, 'b');
  expect(state.opens).toBe(5);
});

test('put and delete make it forget', async () => {
  const { driver } = observed();
  await driver.put('a', sourceOf(Buffer.from('one')));
  await readAll(driver, 'a');
  await driver.put('a', sourceOf(Buffer.from('two')));
  expect((await readAll(driver, 'a')).toString()).toBe('two');
  await driver.delete('a');
  await refused('NotFound', driver.open('a'));
});

test('bytes read before a put or delete are not kept after it', async () => {
  const { driver, state } = observed();
  await driver.put('a', sourceOf(Buffer.from('one')));
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  const old = readAll(driver, 'a');
  await driver.put('a', sourceOf(Buffer.from('two')));
  gate.resolve();
  expect((await old).toString()).toBe('one');
  expect((await readAll(driver, 'a')).toString()).toBe('two');
});

test('concurrent opens of one missing object share one read, also its failure', async () => {
  const { driver, state } = observed();
  await driver.put('a', sourceOf(Buffer.from('shared')));
  const reads = await Promise.all(Array.from({ length: 20 }, () => readAll(driver, 'a')));
  expect(new Set(reads.map(String))).toEqual(new Set(['shared']));
  expect(state.opens).toBe(1);
  await Promise.all(Array.from({ length: 5 }, () => refused('NotFound', driver.open('absent'))));
  expect(state.opens).toBe(2);
});

test('when the one who reads is cancelled, the others read themselves', async () => {
  const { driver, state } = observed();
  await driver.put('a', sourceOf(Buffer.from('kept')));
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  const abort = new AbortController();
  const leader = driver.open('a', undefined, { signal: abort.signal });
  const follower = readAll(driver, 'a');
  const impatient = new AbortController();
  const leaving = driver.open('a', undefined, { signal: impatient.signal });
  impatient.abort();
  await refused('Cancelled', leaving);
  abort.abort();
  gate.resolve();
  await expect(leader).rejects.toBeDefined();
  expect((await follower).toString()).toBe('kept');
});
