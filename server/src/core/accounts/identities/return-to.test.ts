import { describe, expect, test } from 'vitest';
import { loopbackAddress, ownPath, withParameters } from './return-to.ts';

describe('where a browser goes on', () => {
  test.each([
    ['/', '/'],
    ['/files', '/files'],
    ['/files?a=b&c=%2F#d', '/files?a=b&c=%2F#d'],
    ['/a/../b', '/b'],
    ['/?next=//evil.example', '/?next=//evil.example'],
    ['/%2F%2Fevil.example', '/%2F%2Fevil.example'],
  ])('%s is a path of this service', (given, kept) => {
    expect(ownPath(given)).toBe(kept);
  });

  test.each([
    ...[
      '',
      'files',
      '//evil.example',
      '///evil.example',
      '/\\evil.example',
      '\\\\evil.example',
      '/\\/evil.example',
    ],
    ...['https://evil.example', 'https:evil.example', 'javascript:alert(1)', 'data:text/html,x', ' /files'],
    ...[
      '/\t/evil.example',
      '/\n/evil.example',
      '/a\r\nset-cookie: x=y',
      '/.//evil.example',
      '/a/..//evil.example',
    ],
    ...[
      '/%2e//evil.example',
      '/./\\evil.example',
      '/文件',
      `/${'a'.repeat(1024)}`,
      '/a b',
      '/\u0000',
      '@evil.example',
    ],
  ])('%j leads elsewhere, or nobody knows where', (given) => {
    expect(() => ownPath(given)).toThrow(/returnTo is .* it must be a path of this service/s);
  });
});

describe('where a program listens', () => {
  test.each([
    ['http://127.0.0.1:49152/', 'http://127.0.0.1:49152/'],
    ['http://127.0.0.1:49152/signed-in?a=b', 'http://127.0.0.1:49152/signed-in?a=b'],
    ['http://[::1]:8000/x', 'http://[::1]:8000/x'],
  ])('%s', (given, kept) => {
    expect(loopbackAddress(given)).toBe(kept);
  });

  test.each([
    ...[
      '',
      '/files',
      'http://127.0.0.1/',
      'https://127.0.0.1:1/',
      'http://localhost:1/',
      'http://10.0.0.1:1/',
    ],
    ...['http://127.0.0.1.evil.example:1/', 'http://127.0.0.1:1@evil.example:2/', 'http://a@127.0.0.1:1/'],
    ...[
      'http://127.0.0.1:1/#a',
      'http://127.0.0.1:1\\@evil.example/',
      'myapp://done',
      'http://evil.example:80/',
    ],
  ])('not %j', (given) => {
    expect(() => loopbackAddress(given)).toThrow('loopback address of a program');
  });
});

test('parameters are added to what is there', () => {
  expect(withParameters('/a?signInError=x&b=c#d', { signInError: 'denied', provider: 'qq' })).toBe(
    '/a?signInError=denied&b=c&provider=qq#d',
  );
  expect(withParameters('http://127.0.0.1:5/x?a=b', { code: 'c/d' })).toBe(
    'http://127.0.0.1:5/x?a=b&code=c%2Fd',
  );
});
