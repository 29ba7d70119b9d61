import { expect, it } from 'vitest';
import type { MetadataReader } from '../ports/metadata.ts';
import { newFolder } from './new-entry.ts';
import { depthBelow } from './subtree.ts';

/** So many folders in each folder, without end. */
function endless(each: number) {
  const [inside] = [newFolder({ id: '1', userId: '1', parentId: '1', name: 'a' }, 1)];
  let found = 0;
  const entries: Pick<MetadataReader['entries'], 'inAny' | 'foldersIn'> = {
    inAny: async () => [inside],
    foldersIn: async (ids, limit) => {
      const ours = Math.min(ids.length * each, limit);
      found += ours;
      return Array.from({ length: ours }, () => '1');
    },
  };
  return { repositories: { entries: entries as MetadataReader['entries'] }, found: () => found };
}

it('looks as deep as is asked for', async () => {
  const narrow = endless(1);
  expect(await depthBelow(narrow.repositories, '1', 100)).toBe(101);
});

it('refuses what would lock the drive for long', async () => {
  const wide = endless(100);
  const walk = depthBelow(wide.repositories, '1', 100);
  await expect(walk).rejects.toMatchObject({ code: 'TooLarge', details: { limit: 50_000 } });
  expect(wide.found()).toBe(50_001);
});
