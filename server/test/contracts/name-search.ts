import { describe, expect, it } from 'vitest';
import { newFileEntry } from '#core/drive/new-entry.ts';
import { DriveStructure } from '#core/drive/structure.ts';
import { DriveTree } from '#core/drive/tree.ts';
import { NameSearch, type SearchPlace, type SearchQuery } from '#core/search/name-search.ts';
import { putUser } from './metadata-accounts.ts';
import type { Fixture } from './metadata-fixture.ts';
import { newId, sampleFile, write } from './metadata-samples.ts';

/** Looking for names, on every database: how it finds candidates is its own, what is found is not. */
export function nameSearchContract({ metadata }: Fixture): void {
  const driveOf = async (userId = newId()) => {
    await putUser(metadata(), userId);
    const clock = { now: () => Date.now() };
    const settings = { versions: 3, trashMs: undefined, atOnce: 1000 };
    const parts = { metadata: metadata(), ids: { next: newId }, clock, drive: settings };
    const [tree, structure] = [new DriveTree(parts), new DriveStructure(parts)];
    const names = new NameSearch({ metadata: metadata(), tree });
    const person = { kind: 'person', userId, sessionId: 's', role: 'member', owner: `~${userId}` } as const;
    const search = (text: string, more: Partial<SearchQuery> = {}) =>
      names.search(person, { text, limit: 50, ...more });
    return {
      userId,
      structure,
      search,
      root: async () => (await tree.root(userId)).id,
      folder: (parentId: string, name: string) =>
        structure.createFolder(userId, { parentId, name, conflict: 'fail' }),
      files: async (parentId: string, ...wanted: readonly string[]) => {
        const entries = wanted.map((name) =>
          newFileEntry({ id: newId(), userId, parentId, name }, sampleFile(), Date.now()),
        );
        await write(metadata(), (r) => r.entries.insertMany(entries));
        return entries;
      },
      found: async (text: string, more: Partial<SearchQuery> = {}) =>
        (await search(text, more)).found.map(({ entry }) => entry.name),
    };
  };

  describe('a search in names', () => {
    it('finds CJK names by any two characters, others by any two or more, whatever their case or form', async () => {
      const { root, files, found } = await driveOf();
      const names = [
        '2026年会议记录.docx',
        '年度预算.xlsx',
        'Grüße aus KÖLN.jpg',
        'IMG_2031.jpeg',
        '写真.png',
      ];
      await files(await root(), ...names, 'Ａ全角.txt', '😀🎉.gif', 'a+b(c)"d\'*.txt');
      const expectations: readonly (readonly [string, readonly string[]])[] = [
        ['会议', ['2026年会议记录.docx']],
        ['议记', ['2026年会议记录.docx']],
        ['会记', []],
        ['年会议记录', ['2026年会议记录.docx']],
        ['GRÜSSE', []],
        ['GRÜßE', ['Grüße aus KÖLN.jpg']],
        ['u\u0308ße', ['Grüße aus KÖLN.jpg']],
        ['köln', ['Grüße aus KÖLN.jpg']],
        ['ln.j', ['Grüße aus KÖLN.jpg']],
        ['20', ['2026年会议记录.docx', 'IMG_2031.jpeg']],
        ['jp', ['IMG_2031.jpeg', 'Grüße aus KÖLN.jpg']],
        ['全角', ['Ａ全角.txt']],
        ['🎉', []],
        ['😀', ['😀🎉.gif']],
        ['😀🎉', ['😀🎉.gif']],
        ['写', ['写真.png']],
        ['b(c)"d\'*', ['a+b(c)"d\'*.txt']],
        ['.', []],
        ['zz', []],
      ];
      for (const [text, expected] of expectations)
        expect([text, await found(text)]).toEqual([text, expected]);
    });

    it('gives the name itself first, then what begins with it, then words, then the rest, the newest first', async () => {
      const { root, files, found } = await driveOf();
      await files(
        await root(),
        'Unreported',
        'report',
        'my report',
        'report 1',
        'report 2',
        'old-reports',
        'rapport',
      );
      await files(await root(), '2026 report of may');
      expect(await found('report')).toEqual([
        ...['report', 'report 2', 'report 1', '2026 report of may', 'old-reports', 'my report', 'Unreported'],
      ]);
      expect(await found('may report')).toEqual(['2026 report of may']);
      expect(await found('  Report   2 ')).toEqual(['report 2', '2026 report of may']);
    });

    it('finds nothing of others, in the trash, below a trashed folder, or gone; and all again that is restored', async () => {
      const [mine, other] = [await driveOf(), await driveOf()];
      await other.files(await other.root(), 'secret plan');
      const a = await mine.folder(await mine.root(), 'plans');
      const b = await mine.folder(a.id, 'b');
      const [deep] = await mine.files(b.id, 'deep plan');
      const [own, gone] = await mine.files(await mine.root(), 'own plan', 'lost plan');
      expect(await mine.found('plan')).toEqual(['plans', 'lost plan', 'own plan', 'deep plan']);
      await mine.structure.trash(mine.userId, a.id);
      await mine.structure.trash(mine.userId, own?.id ?? '');
      await write(metadata(), (r) => r.entries.remove([gone?.id ?? '']));
      expect(await mine.found('plan')).toEqual([]);
      await mine.structure.restore(mine.userId, a.id, { conflict: 'fail' });
      const { found } = await mine.search('deep');
      expect(found.map(({ entry, above }) => [entry.id, above.map(({ name }) => name)])).toEqual([
        [deep?.id, ['', 'plans', 'b']],
      ]);
      expect(await mine.found('plan')).toEqual(['plans', 'deep plan']);
    });

    it('finds what was renamed by its new name only', async () => {
      const { userId, structure, root, folder, found } = await driveOf();
      const { id } = await folder(await root(), 'first name');
      await structure.move(userId, id, { parentId: 'root', name: 'Second', conflict: 'fail' });
      expect([await found('first'), await found('name'), await found('second')]).toEqual([
        [],
        [],
        ['Second'],
      ]);
      await structure.move(userId, id, { parentId: 'root', name: 'SECOND', conflict: 'fail' });
      expect(await found('second')).toEqual(['SECOND']);
    });

    it('looks among one kind, in one folder, or at what has changed', async () => {
      const { root, folder, files, found } = await driveOf();
      const top = await folder(await root(), 'note box');
      const inner = await folder(top.id, 'more notes');
      await files(inner.id, 'note a');
      const [last] = await files(await root(), 'note b');
      expect(await found('note', { kind: 'folder' })).toEqual(['note box', 'more notes']);
      expect(await found('note', { kind: 'file' })).toEqual(['note b', 'note a']);
      expect(await found('note', { within: top.id })).toEqual(['note a', 'more notes']);
      expect(await found('note', { within: 'root', kind: 'folder' })).toEqual(['note box', 'more notes']);
      for (const within of [newId(), last?.id ?? '', 'none']) {
        await expect(found('note', { within })).rejects.toMatchObject({
          code: expect.stringMatching(/NotFound|Conflict/),
        });
      }
      const updatedAt = last?.updatedAt ?? 0;
      expect(await found('note', { changedAfter: updatedAt })).toEqual([]);
      expect(await found('note', { changedAfter: updatedAt - 1 })).toContain('note b');
    });

    it('gives each page what comes behind the one before, of few and of many', async () => {
      const { userId, structure, root, folder, files, search } = await driveOf();
      const names = [
        ...Array.from({ length: 700 }, (_, n) => `sea ${n}`),
        ...Array.from({ length: 30 }, (_, n) => `${n} sea`),
        ...Array.from({ length: 30 }, (_, n) => `chelsea ${n}`),
        'sea',
      ];
      await files(await root(), ...names);
      const trash = await folder(await root(), 'away');
      await files(trash.id, ...Array.from({ length: 600 }, (_, n) => `sea ${n} in the trash`));
      await structure.trash(userId, trash.id);
      const all = async (text: string, limit: number) => {
        const pages: string[][] = [];
        let after: SearchPlace | undefined;
        do {
          const page = await search(text, { limit, after });
          pages.push(page.found.map(({ entry }) => entry.name));
          after = page.next;
        } while (after !== undefined && pages.length < 100);
        return pages;
      };
      const many = await all('sea', 90);
      const flat = many.flat();
      expect(new Set(flat).size).toBe(flat.length);
      expect(flat.toSorted()).toEqual(names.toSorted());
      expect(flat.slice(0, 3)).toEqual(['sea', 'sea 699', 'sea 698']);
      expect([flat[701], flat[731], flat.at(-1)]).toEqual(['29 sea', 'chelsea 29', 'chelsea 0']);
      const few = await all('chelsea', 7);
      expect(few.map((page) => page.length)).toEqual([7, 7, 7, 7, 2]);
      expect(few.flat()).toEqual(Array.from({ length: 30 }, (_, n) => `chelsea ${29 - n}`));
    });

    it('refuses to look for nothing, or for too much', async () => {
      const { search } = await driveOf();
      for (const text of ['', '  ', 'x'.repeat(256)]) {
        await expect(search(text)).rejects.toMatchObject({
          code: 'InvalidArgument',
          details: { field: 'q' },
        });
      }
      expect(await search('x'.repeat(255))).toEqual({ found: [], next: undefined });
    });
  });
}
