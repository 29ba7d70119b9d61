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
    return entries.map(([id, parentId, name, folder]) =>
      names.pathOf({
        ...{ id, parentId, name, size: 0, modifiedAt: 0 },
        kind: folder === true ? 'folder' : 'file',
      }),
    );
  };

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
    const deep = Array.from({ length: 300 }, (_, index): [string, string | undefined, string, true] => [
      String(index),
      index === 0 ? undefined : String(index - 1),
      'x'.repeat(255),
      true,
    ]);
    let thrown: unknown;
    try {
      paths(...deep);
    } catch (error) {
      thrown = error;
    }
    expect(isOsproxyError(thrown, 'TooLarge')).toBe(true);
  });
});
