import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateConditions, parseHttpDate, rangeStillApplies } from './conditionals.ts';

const at = Date.UTC(2024, 0, 2, 3, 4, 5, 678);
const second = Date.UTC(2024, 0, 2, 3, 4, 5);
const validators = { etag: '"abc-1"', modifiedAt: at };
const date = (shift: number): string => new Date(second + shift).toUTCString();
const verdict = (headers: Record<string, string>) => evaluateConditions(headers, validators);

describe('evaluateConditions', () => {
  it.each([
    [{}, 'proceed'],
    [{ 'if-match': '"abc-1"' }, 'proceed'],
    [{ 'if-match': '*' }, 'proceed'],
    [{ 'if-match': '"x", "abc-1"' }, 'proceed'],
    [{ 'if-match': 'W/"abc-1"' }, 'precondition-failed'],
    [{ 'if-match': '"other"' }, 'precondition-failed'],
    [{ 'if-match': 'nonsense' }, 'precondition-failed'],
    [{ 'if-none-match': '"abc-1"' }, 'not-modified'],
    [{ 'if-none-match': 'W/"abc-1"' }, 'not-modified'],
    [{ 'if-none-match': '"x","abc-1"' }, 'not-modified'],
    [{ 'if-none-match': '*' }, 'not-modified'],
    [{ 'if-none-match': '"x"' }, 'proceed'],
    [{ 'if-none-match': '"x\\", "abc-1"' }, 'not-modified'],
    [{ 'if-modified-since': date(0) }, 'not-modified'],
    [{ 'if-modified-since': date(1000) }, 'not-modified'],
    [{ 'if-modified-since': date(-1000) }, 'proceed'],
    [{ 'if-modified-since': 'yesterday' }, 'proceed'],
    [{ 'if-unmodified-since': date(0) }, 'proceed'],
    [{ 'if-unmodified-since': date(-1000) }, 'precondition-failed'],
    [{ 'if-unmodified-since': '2024' }, 'proceed'],
    // §13.2.2: the tag decides where both are given.
    [{ 'if-match': '"abc-1"', 'if-unmodified-since': date(-1000) }, 'proceed'],
    [{ 'if-none-match': '"x"', 'if-modified-since': date(0) }, 'proceed'],
    [{ 'if-match': '"x"', 'if-none-match': '"abc-1"' }, 'precondition-failed'],
    [{ 'if-match': '"abc-1"', 'if-none-match': '"abc-1"' }, 'not-modified'],
  ])('%j', (headers, expected) => {
    expect(verdict(headers as Record<string, string>)).toBe(expected);
  });
});

describe('rangeStillApplies', () => {
  const now = at + 60_000;
  it.each([
    [undefined, true],
    ['"abc-1"', true],
    ['W/"abc-1"', false],
    ['"other"', false],
    ['"x", "abc-1"', false],
    [date(0), true],
    [date(1000), false],
    [date(-1000), false],
    ['nonsense', false],
  ])('If-Range %s', (header, expected) => {
    const headers = header === undefined ? {} : { 'if-range': header };
    expect(rangeStillApplies(headers, validators, now)).toBe(expected);
  });

  it('does not trust a date within the second of the change', () => {
    expect(rangeStillApplies({ 'if-range': date(0) }, validators, second + 900)).toBe(false);
  });
});

describe('parseHttpDate', () => {
  it('reads the three forms of RFC 9110', () => {
    const expected = Date.UTC(1994, 10, 6, 8, 49, 37);
    expect(parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT')).toBe(expected);
    expect(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT')).toBe(expected);
    expect(parseHttpDate('Sun Nov  6 08:49:37 1994')).toBe(expected);
  });

  it.each([
    '',
    '2024-01-01',
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 25:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37',
  ])('refuses %s', (text) => expect(parseHttpDate(text)).toBeUndefined());

  it('reads back every date that toUTCString writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_799 }), (seconds) => {
        expect(parseHttpDate(new Date(seconds * 1000).toUTCString())).toBe(seconds * 1000);
      }),
    );
  });
});
