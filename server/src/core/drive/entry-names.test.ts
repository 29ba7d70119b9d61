import { expect, it } from 'vitest';
import { checkEntryName, checkFolderPath, freeName, nameKeyOf } from './entry-names.ts';

it('takes names for the same that people read as the same', () => {
  expect(nameKeyOf('CAFE\u0301')).toBe(nameKeyOf('caf\u00e9'));
  expect(nameKeyOf('\u212b')).toBe(nameKeyOf('\u00e5'));
  expect(nameKeyOf('a')).not.toBe(nameKeyOf('\u0430'));
});

it('refuses names that no folder can have, and keeps all others', () => {
  for (const name of ['', '.', '..', 'a/b', '/', 'a\u0000', 'a\u007f', '\ud800', 'x'.repeat(256)]) {
    expect(() => checkEntryName(name)).toThrow(/name/);
  }
  // Its key has more characters than itself.
  expect(() => checkEntryName('\u{1d15e}'.repeat(200))).toThrow(/255/);
  for (const name of ['...', ' ', 'a\\b', '~', 'CON', '\u202egpj.exe', '\u{1f600}'.repeat(255)]) {
    expect(checkEntryName(name)).toBe(name);
  }
});

it('takes a path of folders apart', () => {
  expect(checkFolderPath('')).toEqual([]);
  expect(checkFolderPath('a/b c/d')).toEqual(['a', 'b c', 'd']);
  for (const path of ['/a', 'a/', 'a//b', '../a', 'a/./b'])
    expect(() => checkFolderPath(path)).toThrow(/path/);
  expect(() => checkFolderPath('a/'.repeat(200))).toThrow(/128/);
});

it('finds the first number that is free, before the extension and within the length', async () => {
  const free = (name: string, ...taken: string[]) =>
    freeName(name, async (keys) => new Set(keys.filter((key) => taken.map(nameKeyOf).includes(key))));
  expect(await free('a.txt')).toBe('a (1).txt');
  expect(await free('a.txt', 'A (1).TXT', 'a (2).txt')).toBe('a (3).txt');
  expect(await free('.profile')).toBe('.profile (1)');
  expect(await free('folder.with a long name that is no extension at all')).toMatch(/all \(1\)$/);
  const long = `${'x'.repeat(251)}.txt`;
  const shorter = await free(long);
  expect([...shorter]).toHaveLength(255);
  expect(shorter).toMatch(/x \(1\)\.txt$/);
  await expect(freeName('a', async (keys) => new Set(keys))).rejects.toMatchObject({ code: 'Conflict' });
});
