import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decode, encode } from './json-codec.ts';

it('gives back what went in, whatever data it is', () => {
  const anything = fc.anything({ withBigInt: true, withDate: true, withTypedArray: false });
  fc.assert(
    fc.property(anything, (value) => {
      expect(decode(encode(value))).toStrictEqual(ordinary(value));
    }),
  );
});

it('keeps bytes, and objects that look like its own marks', () => {
  for (const value of [
    new Uint8Array([0, 255]),
    { $osproxy: 'bigint', value: '1' },
    { $osproxy: undefined },
    [{ $osproxy: { $osproxy: 'date' } }],
    new Date(Number.NaN),
  ]) {
    expect(decode(encode(value))).toStrictEqual(value);
  }
});

it('refuses what is no data, and text of others', () => {
  expect(() => encode({ f: () => {} })).toThrow('A function is no data.');
  expect(() => decode('{"$osproxy":"else"}')).toThrow('no kind of value called else');
  expect(() => decode('not json')).toThrow(SyntaxError);
});

/** The same data without prototypes of null, which no JSON can tell. */
function ordinary(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map(ordinary);
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, ordinary(child)]));
}
