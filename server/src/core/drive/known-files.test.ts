import { expect, it } from 'vitest';
import type { PersonPrincipal } from '../model/principal.ts';
import { type KnownFileParts, KnownFiles } from './known-files.ts';
import type { TimePage } from './lists.ts';

const PERSON = { kind: 'person', userId: '7', owner: '~7' } as PersonPrincipal;

it('the latest files are looked for twice at most, however many are in the trash', async () => {
  let calls = 0;
  const recent = async (): Promise<TimePage> => {
    calls += 1;
    if (calls > 100) throw new Error('there is no end to it');
    return { entries: [], next: { at: 1000 - calls, id: '5' } };
  };
  const parts = {
    metadata: { contents: { digestsOf: async () => new Map() } },
    drive: { lists: { recent } },
  };
  const files = new KnownFiles(parts as unknown as KnownFileParts);
  expect(await files.latest(PERSON, 10)).toEqual([]);
  expect(calls).toBe(2);
});
