import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { keysOf, MIB, randomBytes, readAll, refused, sourceOf } from '#test/contracts/storage-fixtures.ts';
import { MemoryDriver } from '../memory/memory-driver.ts';
import { withCircuitBreaker } from './with-circuit-breaker.ts';

const away = new OsproxyError('Unavailable', 'Away.');
const settings = { failures: 3, windowMs: 10_000, pauseMs: 1000, maxPauseMs: 4000 };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A store whose calls do what `mood` says. */
function moody() {
  const memory = new MemoryDriver();
  const state = { failure: undefined as OsproxyError | undefined, breaksOff: false, calls: 0 };
  const hit = (): void => {
    state.calls += 1;
    if (state.failure !== undefined) throw state.failure;
  };
  const inner: StorageDriver = {
    nodeLocal: false,
    async put(...call) {
      hit();
      return memory.put(...call);
    },
    async open(...call) {
      hit();
      const { size, chunks, close } = await memory.open(...call);
      return { size, chunks: state.breaksOff ? breakingOff() : chunks, close };
    },
    async stat(...call) {
      hit();
      return memory.stat(...call);
    },
    async delete(...call) {
      hit();
      return memory.delete(...call);
    },
    async *list(...call) {
      hit();
      yield* memory.list(...call);
    },
    presign: async () => 'url',
    close: () => memory.close(),
  };
  const changes: boolean[] = [];
  const onChange = (isOpen: boolean) => void changes.push(isOpen);
  return { state, changes, driver: withCircuitBreaker(inner, { ...settings, onChange }) };
}

async function* breakingOff(): AsyncGenerator<Uint8Array> {
  yield randomBytes(1);
  throw away;
}

async function failTimes(driver: StorageDriver, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await refused('Unavailable', driver.stat('a'));
}

test('after the failures every call fails at once, with the seconds to wait, and the store is not asked', async () => {
  const { driver, state } = moody();
  state.failure = away;
  await failTimes(driver, 3);
  expect(state.calls).toBe(3);
  const calls = [
    driver.put('a', sourceOf(randomBytes(1))),
    driver.open('a'),
    driver.stat('a'),
    driver.delete('a'),
    keysOf(driver),
  ];
  for (const call of calls) {
    const error = await refused('Unavailable', call);
    expect(error).not.toBe(away);
    expect(error).toMatchObject({ retryable: true, retryAfterSeconds: 1 });
  }
  expect(state.calls).toBe(3);
  expect(await driver.presign?.('a', { method: 'GET', expiresInSeconds: 1 })).toBe('url');
});

test('after the pause one probe goes through; when it succeeds all do', async () => {
  const { driver, state } = moody();
  state.failure = away;
  await failTimes(driver, 3);
  state.failure = undefined;
  await driver.stat('a').catch(() => undefined);
  expect(state.calls).toBe(3);
  vi.advanceTimersByTime(1001);
  await driver.put('a', sourceOf(randomBytes(1)));
  expect(state.calls).toBe(4);
  await Promise.all(Array.from({ length: 5 }, () => driver.stat('a')));
  expect(state.calls).toBe(9);
});

test('says once when the circuit opens and once when it closes, not at probes that fail', async () => {
  const { driver, state, changes } = moody();
  state.failure = away;
  await failTimes(driver, 3);
  for (const pause of [1001, 2001, 4001]) {
    vi.advanceTimersByTime(pause);
    await refused('Unavailable', driver.stat('a'));
  }
  expect(changes).toEqual([true]);
  state.failure = undefined;
  vi.advanceTimersByTime(4001);
  await refused('NotFound', driver.stat('a'));
  await refused('NotFound', driver.stat('a'));
  expect(changes).toEqual([true, false]);
});

test('while a probe is under way nobody else goes through; one that never ends does not lock the store out', async () => {
  const { driver, state } = moody();
  state.failure = away;
  await failTimes(driver, 3);
  state.failure = undefined;
  vi.advanceTimersByTime(1001);
  const silent = { size: undefined, replayable: false, open: () => endless() };
  void driver.put('slow', silent).catch(() => undefined);
  await refused('Unavailable', driver.stat('a'));
  vi.advanceTimersByTime(5001);
  await refused('NotFound', driver.stat('a'));
  await refused('NotFound', driver.stat('a'));
});

function endless(): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
}

test('every probe that fails doubles the pause, up to the longest', async () => {
  const { driver, state } = moody();
  state.failure = away;
  await failTimes(driver, 3);
  for (const [pause, seconds] of [
    [1000, 2],
    [2000, 4],
    [4000, 4],
  ] as const) {
    vi.advanceTimersByTime(pause + 1);
    expect(await refused('Unavailable', driver.stat('a'))).toBe(away);
    const next = await refused('Unavailable', driver.stat('a'));
    expect(next.retryAfterSeconds).toBe(seconds);
  }
});

test('failures that are not in a row, or not within the window, open nothing', async () => {
  const { driver, state } = moody();
  state.failure = away;
  await failTimes(driver, 2);
  state.failure = undefined;
  await refused('NotFound', driver.stat('a'));
  state.failure = away;
  await failTimes(driver, 2);
  vi.advanceTimersByTime(10_001);
  await failTimes(driver, 2);
  expect(state.calls).toBe(7);
  expect(await refused('Unavailable', driver.stat('a'))).toBe(away);
  expect(await refused('Unavailable', driver.stat('a'))).not.toBe(away);
});

test.each([
  ['NotFound', new OsproxyError('NotFound', 'No.')],
  ['PermissionDenied', new OsproxyError('PermissionDenied', 'No.')],
  ['Internal', new OsproxyError('Internal', 'No.')],
  ['Unavailable', new OsproxyError('Unavailable', 'The bucket is missing.', { retryable: false })],
] as const)('%s that no retry mends never opens the circuit', async (code, failure) => {
  const { driver, state } = moody();
  state.failure = failure;
  for (let times = 0; times < 10; times += 1) expect(await refused(code, driver.stat('a'))).toBe(failure);
  expect(state.calls).toBe(10);
});

test('streams that break off count, although opening them succeeds', async () => {
  const { driver, state } = moody();
  await driver.put('a', sourceOf(randomBytes(MIB)));
  state.breaksOff = true;
  for (let times = 0; times < 3; times += 1)
    expect(await refused('Unavailable', readAll(driver, 'a'))).toBe(away);
  expect(await refused('Unavailable', driver.open('a'))).not.toBe(away);
});

test('the failure of a source, which may be another store, does not count', async () => {
  const { driver, state } = moody();
  const source = { size: undefined, replayable: false, open: breakingOff };
  for (let times = 0; times < 10; times += 1)
    expect(await refused('Unavailable', driver.put('a', source))).toBe(away);
  expect(state.calls).toBe(10);
});

test('what calls from before the circuit opened report changes nothing', async () => {
  const { driver, state } = moody();
  await driver.put('a', sourceOf(randomBytes(10)));
  const early = await driver.open('a');
  state.failure = away;
  await failTimes(driver, 3);
  for await (const chunk of early.chunks) expect(chunk.length).toBe(10);
  expect(await refused('Unavailable', driver.stat('a'))).not.toBe(away);
});
