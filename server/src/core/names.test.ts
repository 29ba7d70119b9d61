import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkName, extensionOf } from './names.ts';

describe('checkName', () => {
  it('keeps any well-formed text without control characters as it is', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(text, (name) => {
        fc.pre(!/\p{Cc}/u.test(name) && name.isWellFormed());
        expect(checkName(name)).toBe(name);
      }),
    );
    for (const name of ['.', '..', '../../etc/passwd', 'a\\b', 'CON', ' ', '文件.pdf', '👩‍👩‍👧', '%00'])
      expect(checkName(name)).toBe(name);
  });

  it.each([
    ['', /must not be empty/],
    ['a\u0000b', /control characters/],
    ['a\nb', /control characters/],
    ['a\u0085b', /control characters/],
    ['a\u007f', /control characters/],
    ['\ud800', /not valid Unicode/],
    ['é'.repeat(2049), /4098 bytes; at most 4096/],
  ])('refuses %j', (name, message) => {
    expect(() => checkName(name, 'title')).toThrow(message);
    expect(() => checkName(name, 'title')).toThrow(/^title/);
  });

  it('allows 4096 bytes', () => {
    expect(checkName('é'.repeat(2048))).toHaveLength(2048);
  });
});

describe('extensionOf', () => {
  it.each([
    ['a.PDF', 'pdf'],
    ['a.tar.gz', 'gz'],
    ['.profile', ''],
    ['a.', ''],
    ['a', ''],
    ['dir.d/file', ''],
    ['dir.d\\file.txt', 'txt'],
    ['dir/.hidden', ''],
  ])('of %j is %j', (name, extension) => {
    expect(extensionOf(name)).toBe(extension);
  });
});
