import { describe, expect, it } from 'vitest';
import { DriveStructure } from '#core/drive/structure.ts';
import { DriveTree } from '#core/drive/tree.ts';
import { type Entry, MAX_DEPTH } from '#core/model/entry.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { putUser } from './metadata-accounts.ts';
import { sampleEntry } from './metadata-entries.ts';
import type { Fixture } from './metadata-fixture.ts';
import { newId, write } from './metadata-samples.ts';

/** Folders and what moves in them, on every database: their promises are made of what its transactions promise. */
export function driveStructureContract({ metadata, openAnother }: Fixture): void {
  const parts = (of: Metadata) => ({
    ...{ metadata: of, ids: { next: newId }, clock: { now: () => Date.now() } },
    drive: { versions: 3, trashMs: undefined, atOnce: 1000 },
  });
  const driveOf = async (userId = newId(), of = metadata()) => {
    await putUser(of, userId);
    const [tree, structure] = [new DriveTree(parts(of)), new DriveStructure(parts(of))];
    const fail = 'fail' as const;
    return {
      userId,
      tree,
      structure,
      folder: (parentId: string, name: string) =>
        structure.createFolder(userId, { parentId, name, conflict: fail }),
      file: async (parentId: string, name: string, values: Partial<Entry> = {}) => {
        const parent = await tree.find(userId, parentId);
        const file = sampleEntry({ userId, parentId: parent.id, name, ...values });
        await write(of, (r) => r.entries.insert(file));
        return file;
      },
      move: (id: string, parentId: string, name?: string) =>
        structure.move(userId, id, { parentId, name, conflict: fail }),
      paths: async (folderId = 'root') => {
        const found: string[] = [];
        for await (const { path } of tree.walk(userId, folderId)) found.push(path);
        return found;
      },
    };
  };

  describe('a drive', () => {
    it('has one root, whoever asks first', async () => {
      const userId = newId();
      const other = await openAnother();
      const drives = [await driveOf(userId), await driveOf(userId, other)];
      const roots = await Promise.all(Array.from({ length: 10 }, (_, i) => drives[i % 2]?.tree.root(userId)));
      expect(new Set(roots.map((root) => root?.id)).size).toBe(1);
      const folder = await (await driveOf()).folder('root', 'made first');
      expect(folder).toMatchObject({ kind: 'folder', name: 'made first' });
    });

    it('is not made for somebody who is not there any more, nor while they are deleted', async () => {
      const missing = { code: 'NotFound' };
      const userId = newId();
      const [tree, structure] = [new DriveTree(parts(metadata())), new DriveStructure(parts(metadata()))];
      const wanted = { parentId: 'root', name: 'late', conflict: 'fail' as const };
      await expect(tree.root(userId)).rejects.toMatchObject(missing);
      await expect(structure.createFolder(userId, wanted)).rejects.toMatchObject(missing);
      expect(await metadata().drives.find(userId)).toBeUndefined();

      const other = await driveOf(undefined, await openAnother());
      let asked: Promise<unknown> = Promise.resolve();
      await write(metadata(), async ({ users }) => {
        await users.lock(other.userId);
        asked = other.tree.root(other.userId).catch((error: unknown) => error);
        await users.remove(other.userId);
      });
      expect(await asked).toMatchObject(missing);
      expect(await metadata().drives.find(other.userId)).toBeUndefined();
    });

    it('shows nobody what belongs to another, and nothing that is in the trash', async () => {
      const [mine, other] = [await driveOf(), await driveOf()];
      const a = await mine.folder('root', 'a');
      const b = await mine.folder(a.id, 'b');
      const file = await mine.file(b.id, 'f.txt');
      const missing = { code: 'NotFound' };
      await expect(other.tree.find(other.userId, a.id)).rejects.toMatchObject(missing);
      await expect(other.move(a.id, 'root')).rejects.toMatchObject(missing);
      await expect(other.folder(a.id, 'x')).rejects.toMatchObject(missing);
      await expect(other.structure.trash(other.userId, a.id)).rejects.toMatchObject(missing);
      await expect(mine.tree.find(mine.userId, 'nonsense')).rejects.toMatchObject(missing);
      await expect(mine.tree.find(mine.userId, newId())).rejects.toMatchObject(missing);
      expect(await mine.tree.isWithin(mine.userId, file.id, a.id)).toBe(true);
      expect(await mine.tree.isWithin(mine.userId, file.id, file.id)).toBe(true);
      expect(await mine.tree.isWithin(mine.userId, a.id, b.id)).toBe(false);
      expect(await other.tree.isWithin(other.userId, file.id, a.id)).toBe(false);
      expect(await mine.paths()).toEqual(['a', 'a/b', 'a/b/f.txt']);
      const lineage = await mine.tree.lineage(mine.userId, file.id);
      expect(lineage.map(({ name }) => name)).toEqual(['f.txt', 'b', 'a', '']);

      await mine.structure.trash(mine.userId, a.id);
      for (const id of [a.id, b.id, file.id]) {
        await expect(mine.tree.find(mine.userId, id)).rejects.toMatchObject(missing);
        await expect(mine.move(id, 'root')).rejects.toMatchObject(missing);
      }
      expect((await mine.tree.locate(mine.userId, [file.id, 'x'])).size).toBe(0);
      expect(await mine.paths()).toEqual([]);
      const [trashed] = await metadata().entries.trashed(mine.userId, undefined, 10);
      expect(trashed).toMatchObject({ id: a.id, trashedFrom: '/' });
      await expect(other.structure.restore(other.userId, a.id, { conflict: 'fail' })).rejects.toMatchObject(
        missing,
      );
      await mine.structure.restore(mine.userId, a.id, { conflict: 'fail' });
      expect(await mine.paths()).toEqual(['a', 'a/b', 'a/b/f.txt']);
      expect([...(await mine.tree.locate(mine.userId, [file.id, b.id])).keys()]).toHaveLength(2);
    });

    it('has one entry per name, as people read names', async () => {
      const drive = await driveOf();
      const first = await drive.folder('root', 'Caf\u00e9');
      const taken = { code: 'AlreadyExists', details: { id: first.id } };
      for (const name of ['Cafe\u0301', 'CAF\u00c9', 'caf\u00e9']) {
        await expect(drive.folder('root', name)).rejects.toMatchObject(taken);
      }
      const both = { parentId: 'root', conflict: 'keepBoth' as const };
      const second = await drive.structure.createFolder(drive.userId, { ...both, name: 'CAFE\u0301' });
      expect(second.name).toBe('CAFE\u0301 (1)');
      const file = await drive.file('root', 'a.tar.gz');
      const inside = await drive.file(first.id, 'A.TAR.GZ');
      await expect(drive.move(inside.id, 'root')).rejects.toMatchObject({ code: 'AlreadyExists' });
      const moved = await drive.structure.move(drive.userId, inside.id, both);
      expect(moved.name).toBe('A.TAR (1).GZ');
      const renamed = await drive.move(file.id, 'root', 'A.tar.gz');
      expect(renamed).toMatchObject({ id: file.id, name: 'A.tar.gz' });
      for (const name of ['', '.', '..', 'a/b', 'a\nb', 'x'.repeat(256), '\ud800', '\u{1d15e}'.repeat(200)]) {
        await expect(drive.folder('root', name)).rejects.toMatchObject({ code: 'InvalidArgument' });
        await expect(drive.move(file.id, 'root', name)).rejects.toMatchObject({ code: 'InvalidArgument' });
      }
      await drive.folder('root', '\u{1f600}'.repeat(255));
    });

    it('moves nothing into itself, and not the root', async () => {
      const drive = await driveOf();
      const a = await drive.folder('root', 'a');
      const b = await drive.folder(a.id, 'b');
      const file = await drive.file('root', 'f');
      for (const target of [a.id, b.id]) {
        await expect(drive.move(a.id, target)).rejects.toMatchObject({ code: 'Conflict' });
      }
      await expect(drive.move(a.id, file.id)).rejects.toMatchObject({ code: 'Conflict' });
      const { id: root } = await drive.tree.root(drive.userId);
      await expect(drive.move(root, a.id)).rejects.toMatchObject({ code: 'InvalidArgument' });
      await expect(drive.move(root, root, 'x')).rejects.toMatchObject({ code: 'InvalidArgument' });
      await expect(drive.structure.trash(drive.userId, 'root')).rejects.toMatchObject({ code: 'NotFound' });
      await expect(drive.structure.trash(drive.userId, root)).rejects.toMatchObject({
        code: 'InvalidArgument',
      });
      expect(await drive.paths()).toEqual(['a', 'a/b', 'f']);
    });

    it('two moves at once never make a circle', async () => {
      const drive = await driveOf();
      const other = await driveOf(drive.userId, await openAnother());
      for (let round = 0; round < 15; round += 1) {
        const [a, b] = [await drive.folder('root', `a${round}`), await drive.folder('root', `b${round}`)];
        const moves = await Promise.allSettled([drive.move(a.id, b.id), other.move(b.id, a.id)]);
        expect(moves.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        const [inA, inB] = await Promise.all([a, b].map(({ id }) => drive.tree.lineage(drive.userId, id)));
        expect([inA?.length, inB?.length].sort()).toEqual([2, 3]);
      }
    });

    it('renames to one name at once end with one of them', async () => {
      const drive = await driveOf();
      const other = await driveOf(drive.userId, await openAnother());
      for (let round = 0; round < 10; round += 1) {
        const files = [await drive.file('root', `a${round}`), await drive.file('root', `b${round}`)];
        const target = ['\u00c9', 'e\u0301'].map((name) => `${name}${round}`);
        const renames = await Promise.allSettled([
          drive.move(files[0]?.id ?? '', 'root', target[0]),
          other.move(files[1]?.id ?? '', 'root', target[1]),
          other.folder('root', `\u00e9${round}`),
        ]);
        expect(renames.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      }
      const many = await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          (i % 2 === 0 ? drive : other).structure.createFolder(drive.userId, {
            ...{ parentId: 'root', name: 'same', conflict: 'keepBoth' },
          }),
        ),
      );
      expect(new Set(many.map(({ nameKey }) => nameKey)).size).toBe(12);
    });

    it('nothing comes into a folder that is trashed meanwhile', async () => {
      const drive = await driveOf();
      const other = await driveOf(drive.userId, await openAnother());
      for (let round = 0; round < 10; round += 1) {
        const folder = await drive.folder('root', `f${round}`);
        const [made] = await Promise.allSettled([
          drive.folder(folder.id, 'inside'),
          other.structure.trash(other.userId, folder.id),
        ]);
        const inside = await metadata().entries.childrenByName(folder.id, undefined, 10);
        expect(inside).toHaveLength(made.status === 'fulfilled' ? 1 : 0);
      }
    });

    it('comes back from the trash to its place, or to one that is named', async () => {
      const drive = await driveOf();
      const { structure, userId } = drive;
      const a = await drive.folder('root', 'a');
      const file = await drive.file(a.id, 'f.txt');
      expect((await structure.trash(userId, file.id)).trashedFrom).toBe('/a');
      const other = await drive.file(a.id, 'F.TXT');
      const fail = { conflict: 'fail' as const };
      await expect(structure.restore(userId, file.id, fail)).rejects.toMatchObject({ code: 'AlreadyExists' });
      const back = await structure.restore(userId, file.id, { conflict: 'keepBoth' });
      expect(back).toMatchObject({ name: 'f (1).txt', parentId: a.id, trashedAt: undefined });
      await structure.trash(userId, other.id);
      await structure.trash(userId, a.id);
      await expect(structure.restore(userId, other.id, fail)).rejects.toMatchObject({
        code: 'Conflict',
        details: { field: 'parentId' },
      });
      await structure.restore(userId, other.id, { ...fail, parentId: 'root' });
      expect(await drive.paths()).toEqual(['F.TXT']);
      await expect(structure.restore(userId, other.id, fail)).rejects.toMatchObject({ code: 'NotFound' });
      await structure.restore(userId, a.id, fail);
      await expect(structure.restore(userId, a.id, fail)).rejects.toMatchObject({ code: 'NotFound' });
      expect(await drive.paths()).toEqual(['a', 'a/f (1).txt', 'F.TXT']);
    });

    it('is only so deep, also by moving and by what comes back', async () => {
      const drive = await driveOf();
      const deep = async (levels: number, top: string) => {
        const ids = [(await drive.folder('root', top)).id];
        while (ids.length < levels) ids.push((await drive.folder(ids.at(-1) ?? '', 'd')).id);
        return ids;
      };
      const long = await deep(MAX_DEPTH, 'long');
      const tooDeep = { code: 'InvalidArgument', details: { limit: MAX_DEPTH } };
      await expect(drive.folder(long.at(-1) ?? '', 'x')).rejects.toMatchObject(tooDeep);
      const short = await deep(10, 'short');
      const [top = '', second = ''] = short;
      await expect(drive.move(top, long[MAX_DEPTH - 10] ?? '')).rejects.toMatchObject(tooDeep);
      await drive.move(top, long[MAX_DEPTH - 11] ?? '');
      await drive.move(second, 'root', 'up');
      await drive.structure.trash(drive.userId, second);
      const to = (parentId: string | undefined) => ({ parentId, conflict: 'fail' as const });
      await expect(
        drive.structure.restore(drive.userId, second, to(long[MAX_DEPTH - 9])),
      ).rejects.toMatchObject(tooDeep);
      await drive.structure.restore(drive.userId, second, to(top));
    });

    it('pages through folders first, then files, in every order', async () => {
      const drive = await driveOf();
      for (let i = 0; i < 7; i += 1) {
        await drive.folder('root', `folder ${i}`);
        await drive.file('root', `file ${i}`, { size: i % 3, modifiedAt: i % 2 });
      }
      for (const sort of ['name', 'size', 'time'] as const) {
        for (const descending of [true, false]) {
          const pages = [];
          for (let after: Parameters<DriveTree['children']>[2]['after']; ; ) {
            const page = { sort, descending, after, limit: 3 };
            const { entries, next } = await drive.tree.children(drive.userId, 'root', page);
            pages.push(...entries);
            after = next;
            if (next === undefined) break;
          }
          expect(new Set(pages.map(({ id }) => id)).size).toBe(14);
          expect(pages.map(({ kind }) => kind)).toEqual([
            ...Array(7).fill('folder'),
            ...Array(7).fill('file'),
          ]);
          const sizes = pages.slice(7).map(({ size }) => size);
          if (sort === 'size') expect(sizes).toEqual(sizes.toSorted((a, b) => (descending ? b - a : a - b)));
        }
      }
    });

    it('keeps stars, and tells of each change once', async () => {
      const drive = await driveOf();
      const folder = await drive.folder('root', 'a');
      await drive.structure.star(drive.userId, folder.id, true);
      await drive.structure.star(drive.userId, folder.id, true);
      expect((await metadata().entries.starred(drive.userId, undefined, 5)).map(({ id }) => id)).toEqual([
        folder.id,
      ]);
      await drive.structure.star(drive.userId, folder.id, false);
      await drive.move(folder.id, 'root', 'b');
      await drive.move(folder.id, 'root', 'b');
      await drive.structure.trash(drive.userId, folder.id);
      await drive.structure.restore(drive.userId, folder.id, { conflict: 'fail' });
      await write(metadata(), ({ events }) => events.sequence(1000));
      const told = (await metadata().events.after(undefined, 1000)).filter(
        ({ owner }) => owner === `~${drive.userId}`,
      );
      const types = ['created', 'changed', 'changed', 'changed', 'trashed', 'restored'];
      expect(told.map(({ type }) => type)).toEqual(types.map((type) => `entry.${type}`));
      expect(told[3]?.data).toMatchObject({ id: folder.id, name: 'b', previousName: 'a' });
    });
  });
}
