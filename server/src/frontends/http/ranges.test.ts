import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentRange, MAX_RANGES, selectRanges } from './ranges.ts';

const single = (offset: number, length: number) => ({ kind: 'single', range: { offset, length } });

describe('selectRanges', () => {
  it.each([
    ['bytes=0-99', single(0, 100)],
    ['bytes=100-', single(100, 900)],
    ['bytes=-50', single(950, 50)],
    ['bytes=-5000', single(0, 1000)],
    ['bytes=990-5000', single(990, 10)],
    ['bytes=999-999', single(999, 1)],
    ['Bytes = 0-0', single(0, 1)],
    ['bytes=0-99999999999999999999999999', single(0, 1000)],
    ['bytes=0-9, 5-19', single(0, 20)],
    ['bytes=0-9,10-19', single(0, 20)],
    ['bytes=,,0-0,,', single(0, 1)],
    ['bytes=2000-3000,1-1', single(1, 1)],
  ])('%s', (header, expected) => {
    expect(selectRanges(header, 1000)).toEqual(expected);
  });

  it.each(['bytes=1000-', 'bytes=1000-2000', 'bytes=-0', 'bytes=99999999999999999999-', 'bytes=-0,2000-'])(
    '%s cannot be satisfied',
    (header) => expect(selectRanges(header, 1000).kind).toBe('unsatisfiable'),
  );

  it.each([
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=,',
    'bytes=-',
    'bytes=a-b',
    'bytes=1',
    'bytes=0x0-1',
    'bytes=+1-2',
    'bytes=1-2-3',
    'bytes=1- 2',
    'items=0-1',
  ])('%s is ignored', (header) => expect(selectRanges(header, 1000)).toEqual({ kind: 'whole' }));

  it.each(['bytes=5-2', 'bytes=0-1,5-2', 'bytes=9007199254740993-9007199254740992'])(
    '%s cannot be satisfied',
    (header) => expect(selectRanges(header, 1000)).toEqual({ kind: 'unsatisfiable' }),
  );

  it('gives several ranges in ascending order', () => {
    expect(selectRanges('bytes=500-509,0-9,-1', 1000)).toEqual({
      kind: 'several',
      ranges: [
        { offset: 0, length: 10 },
        { offset: 500, length: 10 },
        { offset: 999, length: 1 },
      ],
    });
  });

  it('answers too many ranges with the whole', () => {
    const many = (count: number) =>
      `bytes=${Array.from({ length: count }, (_, i) => `${i * 10}-${i * 10}`).join(',')}`;
    expect(selectRanges(many(MAX_RANGES), 1000).kind).toBe('several');
    expect(selectRanges(many(MAX_RANGES + 1), 1000).kind).toBe('whole');
  });

  it('has nothing to give of an empty content', () => {
    expect(selectRanges('bytes=0-', 0).kind).toBe('unsatisfiable');
    expect(selectRanges('bytes=-5', 0).kind).toBe('unsatisfiable');
    expect(selectRanges(undefined, 0).kind).toBe('whole');
  });

  it('covers exactly the bytes that were asked and exist', () => {
    const spec = fc.oneof(
      fc.tuple(fc.nat(60), fc.nat(60)).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
      fc.nat(60).map((first) => `${first}-`),
      fc.nat(60).map((suffix) => `-${suffix}`),
    );
    fc.assert(
      fc.property(fc.array(spec, { minLength: 1, maxLength: 8 }), fc.nat(50), (specs, size) => {
        const wanted = new Set<number>();
        for (const text of specs) {
          const [first = '', last = ''] = text.split('-');
          for (let byte = 0; byte < size; byte += 1) {
            const inside =
              first === ''
                ? byte >= size - Number(last)
                : byte >= Number(first) && (last === '' || byte <= Number(last));
            if (inside) wanted.add(byte);
          }
        }
        const selection = selectRanges(`bytes=${specs.join(',')}`, size);
        const ranges =
          selection.kind === 'single'
            ? [selection.range]
            : selection.kind === 'several'
              ? selection.ranges
              : [];
        const given = ranges.flatMap(({ offset, length }) => Array.from({ length }, (_, i) => offset + i));
        expect(given).toEqual([...wanted].sort((a, b) => a - b));
        expect(selection.kind === 'unsatisfiable').toBe(wanted.size === 0);
      }),
      { numRuns: 500 },
    );
  });

  it('never throws and never leaves the content, whatever the header holds', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), (text, size) => {
        for (const header of [text, `bytes=${text}`]) {
          const selection = selectRanges(header, size);
          if (selection.kind !== 'single') continue;
          expect(selection.range.length).toBeGreaterThan(0);
          expect(selection.range.offset + selection.range.length).toBeLessThanOrEqual(size);
        }
      }),
    );
  });

  it('writes Content-Range', () => {
    expect(contentRange({ offset: 0, length: 100 }, 1234)).toBe('bytes 0-99/1234');
  });
});
