import fs from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { expectAbsent, KIB, randomBytes, refused, sourceOf } from '#test/contracts/storage-fixtures.ts';
import { LocalDiskDriver } from './local-disk-driver.ts';

let root: string;
let driver: LocalDiskDriver;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'osproxy-durable-'));
  driver = await LocalDiskDriver.start({ path: root });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await driver.close();
  await rm(root, { recursive: true });
});

/** Notes fsyncs by what they are of and renames, in the order they are asked for; the real calls go on. */
function watchCalls(): string[] {
  const calls: string[] = [];
  const { fsync, rename, write } = fs;
  const nameOf = (fd: number): string => basename(fs.readlinkSync(`/proc/self/fd/${fd}`));
  const isSynchronous = (fd: number): boolean => {
    const flags = /flags:\s+(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & fs.constants.O_DSYNC) !== 0;
  };
  const named = (fd: number): string => (nameOf(fd).startsWith(`${process.pid}-`) ? 'bytes' : nameOf(fd));
  vi.spyOn(fs, 'fsync').mockImplementation((fd, done) => {
    calls.push(`sync ${named(fd)}`);
    fsync(fd, done);
  });
  vi.spyOn(fs, 'rename').mockImplementation((from, to, done) => {
    calls.push('rename');
    rename(from, to, done);
  });
  vi.spyOn(fs, 'write').mockImplementation(((fd: number, ...rest: unknown[]) => {
    calls.push(isSynchronous(fd) ? 'sync bytes' : 'write');
    Reflect.apply(write, fs, [fd, ...rest]);
  }) as typeof fs.write);
  return calls;
}

test.each([
  ['in one chunk', 4 * KIB],
  ['in many chunks', 300 * KIB],
])(
  'bytes %s are durable before they get their name, and the name before put resolves',
  async (_how, size) => {
    const calls = watchCalls();
    await driver.put('new/folder/key', sourceOf(randomBytes(size)));
    const named = calls.indexOf('rename');
    expect(calls.slice(0, named)).toEqual(expect.arrayContaining(['sync objects', 'sync new', 'sync bytes']));
    const lastWrite = calls.lastIndexOf('write');
    expect(calls.lastIndexOf('sync bytes')).toBeGreaterThan(lastWrite);
    expect(calls.lastIndexOf('sync bytes')).toBeLessThan(named);
    expect(calls.slice(named + 1)).toEqual(['sync folder']);
  },
);

test('the second put into a folder syncs no parent again', async () => {
  await driver.put('new/folder/1', sourceOf(randomBytes(1)));
  const calls = watchCalls();
  await driver.put('new/folder/2', sourceOf(randomBytes(1)));
  expect(calls).toEqual(['sync bytes', 'rename', 'sync folder']);
});

test('many puts into one folder share its syncs', async () => {
  await driver.put('shared/first', sourceOf(randomBytes(1)));
  const calls = watchCalls();
  await Promise.all(
    Array.from({ length: 64 }, (_, index) => driver.put(`shared/${index}`, sourceOf(randomBytes(1)))),
  );
  expect(calls.filter((call) => call === 'rename')).toHaveLength(64);
  expect(calls.filter((call) => call === 'sync shared').length).toBeLessThan(64);
  expect(calls.at(-1)).toBe('sync shared');
});

test('a signal that fires during the last sync of the bytes still leaves nothing', async () => {
  const abort = new AbortController();
  const { fsync } = fs;
  vi.spyOn(fs, 'fsync').mockImplementation((fd, done) => {
    abort.abort();
    fsync(fd, done);
  });
  const put = driver.put('late', sourceOf(randomBytes(300 * KIB)), { signal: abort.signal });
  await refused('Cancelled', put);
  await expectAbsent(driver, 'late');
  expect(await readdir(join(root, 'tmp'))).toEqual([]);
});

test('a failed sync of the bytes keeps nothing', async () => {
  const failure = Object.assign(new Error('EIO: fsync'), { code: 'EIO' });
  vi.spyOn(fs, 'fsync').mockImplementation((_fd, done) => void setImmediate(() => done(failure)));
  expect((await refused('Internal', driver.put('bad', sourceOf(randomBytes(300 * KIB))))).cause).toBe(
    failure,
  );
  vi.restoreAllMocks();
  await expectAbsent(driver, 'bad');
  expect(await readdir(join(root, 'tmp'))).toEqual([]);
});
