import { describe, expect, test } from 'vitest';
import { decodeText } from './decode-text.ts';

const of = (...bytes: number[]) => Uint8Array.from(bytes);
const utf8 = (text: string) => new TextEncoder().encode(text);
/** "中文" in GB 18030. */
const GB = [0xd6, 0xd0, 0xce, 0xc4];

describe('decodeText', () => {
  test.each([
    ['UTF-8', utf8('héllo 中文 😀'), { text: 'héllo 中文 😀', charset: 'utf-8' }],
    ['UTF-8 with its mark', of(0xef, 0xbb, 0xbf, 0x61), { text: 'a', charset: 'utf-8' }],
    ['UTF-16LE with its mark', of(0xff, 0xfe, 0x61, 0x00, 0x2d, 0x4e), { text: 'a中', charset: 'utf-16le' }],
    ['UTF-16BE with its mark', of(0xfe, 0xff, 0x00, 0x61), { text: 'a', charset: 'utf-16be' }],
    ['GB 18030', of(...GB), { text: '中文', charset: 'gb18030' }],
    ['Windows-1252', of(0x63, 0x61, 0x66, 0xe9, 0x0a), { text: 'café\n', charset: 'windows-1252' }],
    ['nothing', of(), { text: '', charset: 'utf-8' }],
  ])('reads %s', (_name, bytes, wanted) => expect(decodeText(bytes, true)).toEqual(wanted));

  test.each([
    ['NUL', of(0x61, 0x00)],
    ['a control character', of(0x61, 0x01)],
    ['a PNG', of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)],
  ])('%s is no text', (_name, bytes) => expect(decodeText(bytes, true)).toBeUndefined());

  test.each([1, 2, 3])('a character that lost %i bytes at the end is left out', (cut) => {
    const bytes = utf8('ab😀');
    expect(decodeText(bytes.subarray(0, bytes.length - cut), false)).toEqual({
      text: 'ab',
      charset: 'utf-8',
    });
  });

  test('half of a character of two bytes is left out too', () => {
    expect(decodeText(of(...GB.slice(0, 3)), false)).toEqual({ text: '中', charset: 'gb18030' });
  });

  test('what somebody says it is written in counts, and what does not fit is marked', () => {
    expect(decodeText(of(0x82, 0xa0), true, 'shift_jis')).toEqual({ text: 'あ', charset: 'shift_jis' });
    expect(decodeText(of(...GB), true, 'utf-8')?.text).toContain('\ufffd');
  });
});
