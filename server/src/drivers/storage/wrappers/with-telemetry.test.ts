import { expect, test } from 'vitest';
import { silentTelemetry } from '#core/ports/telemetry.ts';
import { keysOf, MIB, randomBytes, readAll, refused, sourceOf } from '#test/contracts/storage-fixtures.ts';
import { MemoryDriver } from '../memory/memory-driver.ts';
import { withTelemetry } from './with-telemetry.ts';

function counted() {
  const reports: string[] = [];
  const memory = new MemoryDriver();
  const streaming = Object.assign(Object.create(memory) as MemoryDriver, {
    open: async (...call: Parameters<MemoryDriver['open']>) => {
      const { bytes: _bytes, ...object } = await memory.open(...call);
      return object;
    },
    put: memory.put.bind(memory),
    stat: memory.stat.bind(memory),
    delete: memory.delete.bind(memory),
    list: memory.list.bind(memory),
    compose: memory.compose.bind(memory),
  });
  const telemetry = {
    ...silentTelemetry,
    storageOperation: (store: string, operation: string, outcome: string, seconds: number) => {
      expect(store).toBe('main');
      expect(seconds).toBeGreaterThanOrEqual(0);
      reports.push(`${operation} ${outcome}`);
    },
  };
  return {
    reports,
    inMemory: withTelemetry(memory, { store: 'main', telemetry }),
    driver: withTelemetry(streaming, { store: 'main', telemetry }),
  };
}

test('every call counts once with its outcome, a stream once more when it ends', async () => {
  const { driver, reports } = counted();
  await driver.put('a', sourceOf(randomBytes(MIB)));
  await readAll(driver, 'a');
  await driver.stat('a');
  await driver.compose?.('b', ['a', 'a']);
  await keysOf(driver);
  await driver.delete('a');
  await refused('NotFound', driver.open('a'));
  await refused('InvalidArgument', driver.put('a', sourceOf(randomBytes(1), { size: 2 })));
  expect(reports).toEqual([
    'put ok',
    'open ok',
    'read ok',
    'stat ok',
    'compose ok',
    'list ok',
    'delete ok',
    'open NotFound',
    'put InvalidArgument',
  ]);
});

test('leaving, closing and cancelling a stream count once, as Cancelled', async () => {
  const { driver, reports } = counted();
  await driver.put('a', sourceOf(randomBytes(MIB)));
  reports.length = 0;
  const left = await driver.open('a');
  for await (const _chunk of left.chunks) break;
  await left.close();
  const closed = await driver.open('a');
  await closed.close();
  await closed.close();
  const abort = new AbortController();
  const aborted = await driver.open('a', undefined, { signal: abort.signal });
  const reading = (async () => {
    for await (const _chunk of aborted.chunks) abort.abort();
  })();
  await refused('Cancelled', reading);
  for await (const _item of driver.list()) break;
  const reads = reports.filter((report) => report !== 'open ok');
  expect(reads).toEqual(['read Cancelled', 'read Cancelled', 'read Cancelled', 'list Cancelled']);
});

test('bytes that come with the opened object are no stream', async () => {
  const { inMemory, reports } = counted();
  await inMemory.put('a', sourceOf(randomBytes(10)));
  const object = await inMemory.open('a');
  expect(object.bytes).toHaveLength(10);
  await object.close();
  expect(reports).toEqual(['put ok', 'open ok']);
});
