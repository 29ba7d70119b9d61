import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SmallReads } from './small-reads.ts';

const MAX = 64 * 1024;
let folder: string;
const handles: number[] = [];

const open = (path: string): number => {
  const fd = openSync(path, 'r');
  handles.push(fd);
  return fd;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'osproxy-small-'));
});
afterEach(() => {
  for (const fd of handles.splice(0)) closeSync(fd);
  rmSync(folder, { recursive: true });
});

describe('reading small objects', () => {
  it.each([0, 1, 4096, MAX - 1, MAX])('gives all of %i bytes', async (size) => {
    const bytes = randomBytes(size);
    writeFileSync(join(folder, 'a'), bytes);
    const read = await new SmallReads(MAX).read(open(join(folder, 'a')));
    expect(read?.equals(bytes)).toBe(true);
  });

  it('leaves what is larger to others', async () => {
    writeFileSync(join(folder, 'a'), randomBytes(MAX + 1));
    expect(await new SmallReads(MAX).read(open(join(folder, 'a')))).toBeUndefined();
  });

  it('gives everybody memory of their own', async () => {
    const reads = new SmallReads(MAX);
    const contents = Array.from({ length: 100 }, (_, index) => randomBytes(1000 + index));
    for (const [index, bytes] of contents.entries()) writeFileSync(join(folder, String(index)), bytes);
    const all = () => Promise.all(contents.map((_, index) => reads.read(open(join(folder, String(index))))));
    const first = await all();
    await all();
    expect(first.every((bytes, index) => bytes?.equals(contents[index] ?? randomBytes(1)))).toBe(true);
  });

  it('finds no object where a folder is', async () => {
    await expect(new SmallReads(MAX).read(open(folder))).rejects.toMatchObject({ code: 'NotFound' });
  });
});
