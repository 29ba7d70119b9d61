import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { LEAST_BYTES, RANGE_BYTES, RANGES, rangesOf } from './ranges.ts';

it.each([LEAST_BYTES, LEAST_BYTES + 7, 123_456_789, 5 * 2 ** 40])(
  'ranges of %i bytes lie in their twentieths, in order, and follow from the nonce',
  (size) => {
    const nonce = randomBytes(32);
    const ranges = rangesOf(nonce, size);
    expect(rangesOf(nonce, size)).toEqual(ranges);
    expect(rangesOf(randomBytes(32), size)).not.toEqual(ranges);
    expect(ranges).toHaveLength(RANGES);
    ranges.forEach(({ offset, length }, index) => {
      expect(length).toBe(RANGE_BYTES);
      expect(offset).toBeGreaterThanOrEqual(Math.floor((size * index) / RANGES));
      expect(offset + length).toBeLessThanOrEqual(Math.floor((size * (index + 1)) / RANGES));
    });
  },
);

it('ranges reach every part of their twentieth', () => {
  const offsets = Array.from({ length: 400 }, () => rangesOf(randomBytes(32), LEAST_BYTES)[0]?.offset ?? 0);
  const most = LEAST_BYTES / RANGES - RANGE_BYTES;
  expect(Math.min(...offsets)).toBeLessThan(most * 0.1);
  expect(Math.max(...offsets)).toBeGreaterThan(most * 0.9);
});
