import { describe, expect, it } from 'vitest';
import { parseHexDigest } from './digests.ts';

describe('parseHexDigest', () => {
  it.each([
    ['md5', 32],
    ['sha1', 40],
    ['sha256', 64],
  ] as const)('takes a %s of %i digits in any case and gives lower case', (algorithm, length) => {
    expect(parseHexDigest('aB'.repeat(length / 2), algorithm)).toBe('ab'.repeat(length / 2));
    for (const wrong of ['', 'a'.repeat(length - 1), 'a'.repeat(length + 1), 'g'.repeat(length)]) {
      expect(() => parseHexDigest(wrong, algorithm, 'checksum')).toThrow(`checksum must be ${length}`);
    }
    expect(() => parseHexDigest(`${'a'.repeat(length - 1)}\n`, algorithm)).toThrow();
    expect(() => parseHexDigest('١'.repeat(length), algorithm)).toThrow();
  });
});
