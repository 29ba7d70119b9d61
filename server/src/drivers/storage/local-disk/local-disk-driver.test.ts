import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  expectHandles,
  MIB,
  openHandles,
  randomBytes,
  readAll,
  refused,
  sourceOf,
} from '#test/contracts/storage-fixtures.ts';
import { LocalDiskDriver } from './local-disk-driver.ts';

let root: string;
let driver: LocalDiskDriver;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'osproxy-disk-'));
  driver = await LocalDiskDriver.start({ path: join(root, 'new', 'store') });
});

afterEach(async () => {
  await driver.close();
  await rm(root, { recursive: true });
});

const file = (key: string): string => join(root, 'new', 'store', 'objects', key);
const tmp = (): string => join(root, 'new', 'store', 'tmp');

test('an object is a plain file under its key, there again after a new start', async () => {
  await driver.put('ab/cd/ef', sourceOf(Buffer.from('bytes')));
  expect(await readFile(file('ab/cd/ef'), 'utf8')).toBe('bytes');
  await driver.close();
  driver = await LocalDiskDriver.start({ path: join(root, 'new', 'store') });
  expect((await readAll(driver, 'ab/cd/ef')).toString()).toBe('bytes');
});

test('is node-local unless told that the folder is shared', async () => {
  expect(driver.nodeLocal).toBe(true);
  const shared = await LocalDiskDriver.start({ path: root, nodeLocal: false });
  expect(shared.nodeLocal).toBe(false);
  await shared.close();
});

test('works behind a symbolic link', async () => {
  await mkdir(join(root, 'real'));
  await symlink(join(root, 'real'), join(root, 'link'));
  const linked = await LocalDiskDriver.start({ path: join(root, 'link') });
  await linked.put('a/b', sourceOf(Buffer.from('x')));
  expect(await readFile(join(root, 'real', 'objects', 'a', 'b'), 'utf8')).toBe('x');
  await linked.close();
});

test('refuses to start where a file is in the way', async () => {
  await writeFile(join(root, 'file'), '');
  await refused('Internal', LocalDiskDriver.start({ path: join(root, 'file', 'store') }));
});

test.each([1000, 3 * MIB])(
  'an object of %i bytes that was cut from outside fails, it never ends early',
  async (size) => {
    const handles = openHandles();
    await driver.put('cut', sourceOf(randomBytes(size)));
    const object = await driver.open('cut');
    await truncate(file('cut'), Math.floor(size / 2));
    if (object.bytes === undefined) {
      let received = 0;
      const reading = (async () => {
        for await (const chunk of object.chunks) received += chunk.length;
      })();
      await refused('Internal', reading);
      expect(received).toBeLessThan(size);
    } else expect(object.bytes).toHaveLength(size);
    await expectHandles(handles);
  },
);

test('a key cannot be an object and the start of another key, and what is there stays', async () => {
  await driver.put('a/b', sourceOf(Buffer.from('first')));
  await refused('InvalidArgument', driver.put('a', sourceOf(Buffer.from('second'))));
  await refused('InvalidArgument', driver.put('a/b/c', sourceOf(Buffer.from('third'))));
  expect((await readAll(driver, 'a/b')).toString()).toBe('first');
  expect(await readdir(tmp())).toEqual([]);
});

test('makes a folder again that was removed from outside', async () => {
  await driver.put('a/b/1', sourceOf(Buffer.from('x')));
  await rm(file('a'), { recursive: true });
  await driver.put('a/b/2', sourceOf(Buffer.from('y')));
  expect(await readFile(file('a/b/2'), 'utf8')).toBe('y');
});

test('a put whose unfinished file was removed from outside fails and can be tried again', async () => {
  const put = driver.put('lost', {
    size: undefined,
    replayable: false,
    async *open() {
      yield randomBytes(10);
      await rm(tmp(), { recursive: true });
      await mkdir(tmp());
    },
  });
  expect((await refused('Unavailable', put)).retryable).toBe(true);
});

test('sweep removes what is older and nothing else', async () => {
  const hourAgo = new Date(Date.now() - 3_600_000);
  for (const name of ['1-a-1', '1-a-2', '1-a-3']) await writeFile(join(tmp(), name), 'x');
  await utimes(join(tmp(), '1-a-1'), hourAgo, hourAgo);
  await utimes(join(tmp(), '1-a-2'), hourAgo, hourAgo);
  expect(await driver.sweep(new Date(Date.now() - 60_000))).toBe(2);
  expect(await readdir(tmp())).toEqual(['1-a-3']);
});

test('list passes over what is no object', async () => {
  await driver.put('real/1', sourceOf(randomBytes(1)));
  await writeFile(file('real/UPPER'), '');
  await mkdir(file('lost+found'));
  await symlink(file('real/1'), file('real/link'));
  const keys: string[] = [];
  for await (const { key } of driver.list()) keys.push(key);
  expect(keys).toEqual(['real/1']);
});

test('reading large objects again and again keeps memory flat', async () => {
  await driver.put('large', sourceOf(randomBytes(32 * MIB), { chunk: MIB }));
  const drain = async (): Promise<void> => {
    for await (const chunk of (await driver.open('large')).chunks)
      expect(chunk.length).toBeLessThanOrEqual(MIB);
  };
  await drain();
  const before = process.memoryUsage().arrayBuffers;
  for (let times = 0; times < 20; times += 1) await drain();
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * MIB);
});
