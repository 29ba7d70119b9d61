import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameQueryOf, PLACES, placeIn, tokensOfName, tokensOfQuery } from './name-tokens.ts';

const place = (name: string, query: string) => placeIn(name, nameQueryOf(query));

describe('placeIn', () => {
  it.each([
    ['report', 'report', 'whole'],
    ['report.pdf', 'report', 'begin'],
    ['my report.pdf', 'report', 'word'],
    ['my_report.pdf', 'report', 'word'],
    ['unreported, report', 'report', 'word'],
    ['unreported', 'report', 'anywhere'],
    ['2026 report', 'report 2026', 'anywhere'],
    ['report', 'report 2026', undefined],
    ['会议记录.docx', '会议', 'begin'],
    ['2026会议记录.docx', '议记', 'anywhere'],
    ['会议记录', '会记', undefined],
    ['abc', 'a', 'begin'],
    ['cba', 'a', undefined],
    ['a', 'a', 'whole'],
    ['x a y', ' a  y ', 'word'],
    ['😀 party', '😀', 'begin'],
  ])('%s for %s is %s', (name, query, expected) => {
    expect(place(name, query)).toBe(expected);
  });
});

describe('tokens', () => {
  const character = fc.constantFrom(...'abcA1_ .-会议记录年é😀');
  const text = fc.string({ unit: character, minLength: 1, maxLength: 30 });

  it('of a query are among those of every name that has it there', () => {
    fc.assert(
      fc.property(text, text, text, (before, middle, after) => {
        const query = nameQueryOf(middle);
        for (const name of [middle, middle + after, before + middle, before + middle + after]) {
          const found = placeIn(name, query);
          if (query.key === '' || found === undefined) continue;
          const tokens = new Set(tokensOfName('7', name));
          expect(tokensOfQuery('7', query, found).filter((token) => !tokens.has(token))).toEqual([]);
          const anywhere = tokensOfQuery('7', query, 'anywhere');
          expect(anywhere.length).toBeGreaterThan(0);
          expect(anywhere.filter((token) => !tokens.has(token))).toEqual([]);
        }
      }),
    );
  });

  it('are few for a long query, and others for another user', () => {
    const query = nameQueryOf('abcdefghijklmnopqrstuvwxyz');
    for (const one of PLACES) {
      const tokens = tokensOfQuery('7', query, one);
      expect(tokens).toHaveLength(8);
      expect(tokensOfQuery('8', query, one).filter((token) => tokens.includes(token))).toEqual([]);
      for (const token of tokens) expect(Number.isInteger(token) && Math.abs(token) <= 2 ** 31).toBe(true);
    }
  });
});
