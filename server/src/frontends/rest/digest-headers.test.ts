import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isOsproxyError } from '#core/errors.ts';
import { digestsOf } from './digest-headers.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest();
const md5 = (text: string) => createHash('md5').update(text).digest();
const A = sha256('a').toString('base64');
const B = sha256('b').toString('base64');

describe('digestsOf', () => {
  test('finds nothing where nothing is declared', () => {
    expect(digestsOf({ 'content-type': 'text/plain' })).toEqual({});
  });

  test('reads both algorithms from every header', () => {
    const expected = { sha256: sha256('a').toString('hex'), md5: md5('a').toString('hex') };
    const list = `sha-256=:${A}:, md5=:${md5('a').toString('base64')}:`;
    expect(digestsOf({ 'content-digest': list })).toEqual(expected);
    expect(digestsOf({ 'repr-digest': list })).toEqual(expected);
    expect(
      digestsOf({ 'content-digest': `sha-256=:${A}:`, 'content-md5': md5('a').toString('base64') }),
    ).toEqual(expected);
  });

  test('takes the last member of a name, as RFC 8941 says, and ignores unknown ones', () => {
    const list = `sha-256=:${B}:,\tunixcksum=:AAAA:;x=1,sha-256=:${A}:`;
    expect(digestsOf({ 'content-digest': list })).toEqual({ sha256: sha256('a').toString('hex') });
  });

  test.each([
    [{ 'content-digest': '' }, {}],
    [{ 'content-digest': '   ' }, {}],
  ])('takes the empty list %j', (headers, expected) => {
    expect(digestsOf(headers)).toEqual(expected);
  });

  test('throws InvalidArgument and nothing else, whatever comes', () => {
    const piece = fc.constantFrom('sha-256', 'md5', '=', ':', A, ',', ';', ' ', '"', 'a', '*', '\t');
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, text, (digest, plain) => {
        try {
          const found = digestsOf({ 'content-digest': digest, 'content-md5': plain });
          expect(found.sha256 ?? 'a'.repeat(64)).toMatch(/^[0-9a-f]{64}$/);
        } catch (error) {
          expect(isOsproxyError(error, 'InvalidArgument')).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each([';', '; ', ' ;', ';;a=', ', ', '=:', '\t'])('is fast for a header full of %j', (piece) => {
    const started = performance.now();
    const text = `sha-256=:${A}:${piece.repeat(16_000 / piece.length)}"`;
    expect(() => digestsOf({ 'content-digest': text })).toThrow('Content-Digest');
    expect(performance.now() - started).toBeLessThan(200);
  });
});
