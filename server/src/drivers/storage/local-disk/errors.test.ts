import { expect, test } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import { translate, translateLookup, translateNaming } from './errors.ts';

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: open '/secret/place'`), { code });
}

test.each([
  ['ENOENT', 'NotFound', false],
  ['ENOSPC', 'QuotaExceeded', false],
  ['EDQUOT', 'QuotaExceeded', false],
  ['EACCES', 'PermissionDenied', false],
  ['EPERM', 'PermissionDenied', false],
  ['EROFS', 'PermissionDenied', false],
  ['EMFILE', 'Unavailable', true],
  ['ENFILE', 'Unavailable', true],
  ['ESTALE', 'Unavailable', true],
  ['EIO', 'Internal', false],
])('%s becomes %s, keeps its cause and shows no path', (system, code, retryable) => {
  const cause = systemError(system);
  const error = translate(cause);
  expect(error).toMatchObject({ code, retryable, cause });
  expect(error.message).not.toContain('secret');
});

test('what is no system error becomes Internal, and an OsproxyError stays', () => {
  expect(translate('odd')).toMatchObject({ code: 'Internal', cause: 'odd' });
  const own = new OsproxyError('Cancelled', 'Stop.');
  expect(translate(own)).toBe(own);
});

test('a folder is no object to a reader and no name to a writer', () => {
  for (const code of ['EISDIR', 'ENOTDIR']) {
    expect(translateLookup(systemError(code)).code).toBe('NotFound');
    expect(translateNaming(systemError(code)).code).toBe('InvalidArgument');
  }
  expect(translateNaming(systemError('ENOENT')).code).toBe('Unavailable');
});
