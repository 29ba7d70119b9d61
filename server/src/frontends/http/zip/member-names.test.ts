import { describe, expect, test } from 'vitest';
import { isOsproxyError } from '#core/errors.ts';
import { MemberNames, safeName } from './member-names.ts';

describe('safeName', () => {
  test.each([
    ['a.txt', 'a.txt'],
    ['文件 (1).txt', '文件 (1).txt'],
    ['..', '__'],
    ['.', '_'],
    ['...', '___'],
    ['.profile', '.profile'],
    ['../../etc/passwd', '.._.._etc_passwd'],
    ['..\\..\\x', '.._.._x'],
    ['/etc/passwd', '_etc_passwd'],
    ['C:', 'C_'],
    ['C:\\x', 'C__x'],
    ['a:b', 'a_b'],
    ['CON', '_CON'],
    ['con.txt', '_con.txt'],
    ['nul .txt', '_nul .txt'],
    ['Lpt1', '_Lpt1'],
    ['com¹.txt', '_com¹.txt'],
    ['COM10', 'COM10'],
    ['console', 'console'],
    ['a. ', 'a__'],
    ['a\u0000b\u001f\u007f\u0085', 'a_b___'],
    ['a\nb', 'a_b'],
    ['<>:"|?*', '_______'],
    ['gpj.\u202eexe', 'gpj._exe'],
    ['\ud800x', '\ufffdx'],
    ['', '_'],
  ])('%j becomes %j', (name, safe) => expect(safeName(name)).toBe(safe));
});

describe('MemberNames', () => {
  const paths = (
    ...entries: readonly [id: string, parent: string | undefined, name: string, folder?: true][]
  ) => {
    const names = new MemberNames();
    return entries.map(([id, parentId, name, isFolder]) => {
      const path = names.pathOf({
        ...{ id, parentId, name, size: 0, modifiedAt: 0 },
        kind: isFolder === true ? 'folder' : 'file',
      });
      expect(path.bytes).toBe(Buffer.byteLength(path.folder + path.name));
      return path.folder + path.name;
    });
  };
  const errorOf = (work: () => unknown): unknown => {
    try {
      work();
    } catch (error) {
      return error;
    }
    return undefined;
  };
  /** A folder in a folder in a folder. */
  const nested = (depth: number) =>
    Array.from({ length: depth }, (_, index): [string, string | undefined, string, true] => [
      String(index),
      index === 0 ? undefined : String(index - 1),
      'x'.repeat(255),
      true,
    ]);

  test('what is the same on some system is numbered', () => {
    expect(
      paths(
        ['1', undefined, 'a.txt'],
        ['2', undefined, 'A.TXT'],
        ['3', undefined, 'a (2).txt'],
        ['4', undefined, 'a?.txt'],
        ['5', undefined, 'a*.txt'],
        ['6', undefined, '\u00e9'],
        ['7', undefined, 'e\u0301'],
        ['8', undefined, 'x', true],
        ['9', undefined, 'X'],
        ['10', undefined, '.x'],
        ['11', undefined, '.x'],
      ),
    ).toEqual([
      'a.txt',
      'A (2).TXT',
      'a (2) (2).txt',
      'a_.txt',
      'a_ (2).txt',
      '\u00e9',
      'e\u0301 (2)',
      'x/',
      'X (2)',
      '.x',
      '.x (2)',
    ]);
  });

  test('what is in a folder follows its new name', () => {
    expect(
      paths(
        ['1', undefined, '..', true],
        ['2', undefined, 'b/', true],
        ['3', '1', 'x'],
        ['4', '2', 'aux', true],
        ['5', '4', 'x'],
      ),
    ).toEqual(['__/', 'b_/', '__/x', 'b_/_aux/', 'b_/_aux/x']);
  });

  test('a path that is too long for a ZIP is refused', () => {
    expect(
      isOsproxyError(
        errorOf(() => paths(...nested(300))),
        'TooLarge',
      ),
    ).toBe(true);
  });

  test('paths that are too long together are refused', () => {
    const names = new MemberNames();
    const rest = { size: 0, modifiedAt: 0 };
    for (const [id, parentId, name] of nested(250)) {
      names.pathOf({ ...rest, id, parentId, name, kind: 'folder' });
    }
    let named = 0;
    const error = errorOf(() => {
      for (; named < 2000; named += 1) {
        names.pathOf({ ...rest, id: `f${named}`, parentId: '249', name: `${named}`, kind: 'file' });
      }
    });
    expect(isOsproxyError(error, 'TooLarge')).toBe(true);
    expect(named).toBeGreaterThan(800);
    expect(named).toBeLessThan(1100);
  });

  test('many names that become the same cost no more than others', () => {
    const count = 20_000;
    const unsafe = ['<', '>', ':', '"', '|', '?', '*', '\\'];
    const entries = Array.from({ length: count }, (_, n): [string, undefined, string] => {
      const digits = n.toString(8).padStart(5, '0');
      return [String(n), undefined, `${'x'.repeat(200)}${digits.replace(/./g, (d) => unsafe[+d] ?? '')}.txt`];
    });
    const began = performance.now();
    const named = paths(...entries);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(new Set(named).size).toBe(count);
    expect(named.at(-1)).toBe(`${'x'.repeat(200)}_____ (${count}).txt`);
  }, 300_000);
});
