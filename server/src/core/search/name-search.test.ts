import { expect, it } from 'vitest';
import type { Entry } from '../model/entry.ts';
import type { PersonPrincipal } from '../model/principal.ts';
import type { CandidateQuery } from '../ports/metadata/name-index.ts';
import type { Metadata } from '../ports/metadata.ts';
import { NameSearch } from './name-search.ts';

const PERSON = { kind: 'person', userId: '7', owner: '~7' } as PersonPrincipal;

it('places are asked for many at once, however few are wanted', async () => {
  const ids = Array.from({ length: 250 }, (_, index) => String(1000 - index));
  const entry = (id: string) =>
    ({ id, userId: '7', kind: 'file', nameKey: 'notes', parentId: '1', liveParentId: '1' }) as Entry;
  const metadata = {
    names: { candidates: async () => ids },
    entries: { findMany: async (wanted: readonly string[]) => wanted.map(entry) },
  };
  let calls = 0;
  const tree = {
    findFolder: async (_userId: string, id: string) => ({ id }) as Entry,
    locate: async (_userId: string, wanted: readonly string[]) => {
      calls += 1;
      return new Map(wanted.map((id) => [id, [entry(id), entry('1')]]));
    },
  };
  const search = new NameSearch({ metadata: metadata as unknown as Metadata, tree });
  const page = await search.search(PERSON, { text: 'notes', limit: 1, within: '2' });
  expect(page).toEqual({ found: [], next: undefined });
  expect(calls).toBe(3);
  const found = await search.search(PERSON, { text: 'notes', limit: 1, within: '1' });
  expect(found.found.map((one) => one.entry.id)).toEqual(['1000']);
  expect(found.next?.id).toBe('1000');
});

it('candidates that are not what is looked for are asked for in few steps, and the next page goes on behind them', async () => {
  const limits: number[] = [];
  const entry = (id: string) =>
    ({ id, userId: '7', kind: 'file', nameKey: 'some notes', parentId: '1', liveParentId: '1' }) as Entry;
  const metadata = {
    names: {
      candidates: async ({ before = '20001', limit }: CandidateQuery) => {
        limits.push(limit);
        const there = Math.max(0, Number(before) - 10_001);
        return Array.from({ length: Math.min(limit, there) }, (_, index) =>
          String(Number(before) - 1 - index),
        );
      },
    },
    entries: { findMany: async (wanted: readonly string[]) => wanted.map(entry) },
  };
  const tree = {
    findFolder: async (_userId: string, id: string) => ({ id }) as Entry,
    locate: async (_userId: string, wanted: readonly string[]) =>
      new Map(wanted.map((id) => [id, [entry(id), entry('1')]])),
  };
  const search = new NameSearch({ metadata: metadata as unknown as Metadata, tree });
  const first = await search.search(PERSON, { text: 'notes', limit: 10 });
  expect(first).toEqual({ found: [], next: { place: 'whole', id: '15001' } });
  expect(limits).toEqual([300, 300, 4700]);
  const second = await search.search(PERSON, { text: 'notes', limit: 10, after: first.next });
  expect(second).toEqual({ found: [], next: { place: 'whole', id: '10001' } });
  // Nothing is left to look at for the name itself, and no name begins so.
  const third = await search.search(PERSON, { text: 'notes', limit: 10, after: second.next });
  expect(third.next).toEqual({ place: 'begin', id: '15001' });
});
