import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LocalDiskDriver } from '#drivers/storage/local-disk/local-disk-driver.ts';
import {
  expectAbsent,
  expectHandles,
  keysOf,
  MIB,
  openHandles,
  randomBytes,
  readAll,
  refused,
  sourceOf,
} from './storage-fixtures.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'osproxy-fault-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Mounting needs root; where that is missing the test is skipped with the reason, but fails with CI=true. */
function mountTmpfs(size: string, skip: (reason: string) => void): void {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'pipe' });
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    skip('a small file system of its own cannot be mounted here; run as root');
  }
}

const unmount = (): void => {
  execFileSync('umount', [folder], { stdio: 'pipe' });
};

test('a full disk refuses with QuotaExceeded, keeps nothing, and works again when there is space', async ({
  skip,
}) => {
  mountTmpfs('4m', skip);
  try {
    const driver = await LocalDiskDriver.start({ path: folder });
    const handles = openHandles();
    await driver.put('fits', sourceOf(randomBytes(2 * MIB)));
    for (const options of [{ chunk: 64 * 1024 }, { chunk: 3 * MIB }]) {
      const error = await refused(
        'QuotaExceeded',
        driver.put('too/large', sourceOf(randomBytes(3 * MIB), options)),
      );
      expect(error.message).not.toContain(folder);
      expect(error.cause).toMatchObject({ code: 'ENOSPC' });
      await expectAbsent(driver, 'too/large');
      expect(await readdir(join(folder, 'tmp'))).toEqual([]);
    }
    await driver.delete('fits');
    await driver.put('too/large', sourceOf(randomBytes(3 * MIB)));
    expect((await driver.stat('too/large')).size).toBe(3 * MIB);
    await expectHandles(handles);
    await driver.close();
  } finally {
    unmount();
  }
});

test('a read-only disk refuses changes with PermissionDenied and still reads', async ({ skip }) => {
  mountTmpfs('4m', skip);
  try {
    const driver = await LocalDiskDriver.start({ path: folder });
    const bytes = randomBytes(MIB);
    await driver.put('here', sourceOf(bytes));
    execFileSync('mount', ['-o', 'remount,ro', folder], { stdio: 'pipe' });
    await refused('PermissionDenied', driver.put('new', sourceOf(bytes)));
    await refused('PermissionDenied', driver.put('new/folder', sourceOf(bytes)));
    await refused('PermissionDenied', driver.delete('here'));
    expect((await readAll(driver, 'here')).equals(bytes)).toBe(true);
    expect(await keysOf(driver)).toEqual(['here']);
    await refused('PermissionDenied', LocalDiskDriver.start({ path: join(folder, 'other') }));
    await driver.close();
  } finally {
    unmount();
  }
});

const PUTTING = `
const { LocalDiskDriver } = await import(process.argv[1]);
const driver = await LocalDiskDriver.start({ path: process.argv[2] });
const source = (size) => ({ size, replayable: false, async *open() {
  for (let left = size; left > 0; left -= 65536) { yield new Uint8Array(65536).fill(7); await new Promise(setImmediate); }
} });
const worker = async (name) => {
  for (let index = 0; ; index += 1) {
    const key = 'w' + name + '/' + index;
    await driver.put(key, source(name % 2 === 0 ? 65536 : 4194304));
    process.stdout.write(key + '\\n');
  }
};
await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(worker));
`;

test('a process killed in the middle of puts leaves whole objects, and files that sweep removes', async () => {
  const module = new URL('../../src/drivers/storage/local-disk/local-disk-driver.ts', import.meta.url).href;
  const child = spawn(process.execPath, ['--input-type=module', '-e', PUTTING, module, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  try {
    for (let tries = 0; tries < 1000 && printed.split('\n').length < 30; tries += 1) await sleep(10);
    for (let tries = 0; tries < 1000 && (await readdir(join(folder, 'tmp'))).length === 0; tries += 1)
      await sleep(1);
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
  const acknowledged = printed.split('\n').slice(0, -1);
  expect(acknowledged.length).toBeGreaterThanOrEqual(29);

  const driver = await LocalDiskDriver.start({ path: folder });
  const keys = await keysOf(driver);
  for (const key of acknowledged) expect(keys).toContain(key);
  for (const key of keys) {
    const size = Number(key.slice(1, key.indexOf('/'))) % 2 === 0 ? 65_536 : 4_194_304;
    expect((await driver.stat(key)).size).toBe(size);
  }
  const left = (await readdir(join(folder, 'tmp'))).length;
  expect(left).toBeGreaterThan(0);
  expect(await driver.sweep(new Date(0))).toBe(0);
  expect(await driver.sweep(new Date(Date.now() + 60_000))).toBe(left);
  expect(await readdir(join(folder, 'tmp'))).toEqual([]);
  expect(await keysOf(driver)).toEqual(keys);
  await driver.close();
});
