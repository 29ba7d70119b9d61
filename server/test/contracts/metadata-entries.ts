import { describe, expect, it } from 'vitest';
import { nameKeyOf } from '#core/drive/entry-names.ts';
import { newFileEntry, newFolder } from '#core/drive/new-entry.ts';
import type { Entry, EntryVersion } from '#core/model/entry.ts';
import type { EntrySort } from '#core/ports/metadata/entries.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, sampleFile, write } from './metadata-samples.ts';

function sampleFolder(values: Partial<Entry> = {}): Entry {
  const folder = newFolder({ id: newId(), userId: '7', parentId: undefined, name: '' }, NOW);
  const named = { ...folder, liveParentId: values.parentId, ...values };
  return { ...named, nameKey: nameKeyOf(named.name) };
}

export function sampleEntry(values: Partial<Entry> = {}): Entry {
  const parentId = values.parentId ?? newId();
  const file = newFileEntry({ id: newId(), userId: '7', parentId, name: 'a.txt' }, sampleFile(), NOW);
  return sampleFolder({ ...file, ...values });
}

export function entriesContract({ metadata }: Fixture): void {
  const put = (...entries: readonly Entry[]) => write(metadata(), (r) => r.entries.insertMany(entries));
  const folderIn = (parentId: string | undefined, name: string, values: Partial<Entry> = {}) =>
    sampleFolder({ parentId, liveParentId: parentId, name, ...values });
  const fileIn = (parentId: string, name: string, values: Partial<Entry> = {}) =>
    sampleEntry({ parentId, liveParentId: parentId, name, ...values });

  describe('entries', () => {
    it('keeps every field, and changes what can change', async () => {
      const entry = fileIn(newId(), 'Ünïcode 😀.txt', {
        ...{ size: 5_000_000_000, version: 3, starredAt: NOW + 1, trashedAt: NOW + 2 },
        ...{ trashedFrom: 'a/b', jobId: newId(), liveParentId: undefined },
      });
      const root = sampleFolder();
      await write(metadata(), async ({ entries }) => {
        await entries.insert(entry);
        await entries.insert(root);
      });
      expect(await metadata().entries.find(entry.id)).toEqual(entry);
      expect(await metadata().entries.find(root.id)).toEqual(root);
      expect(await metadata().entries.find(newId())).toBeUndefined();
      expect(await metadata().entries.findMany([root.id, entry.id, newId()])).toHaveLength(2);
      expect(await metadata().entries.findByFile(entry.fileUid ?? '')).toEqual(entry);
      const changed: Entry = {
        ...entry,
        ...{ name: 'b', nameKey: 'b', parentId: root.id, liveParentId: root.id, fileUid: newId(), size: 1 },
        ...{ contentType: 'x/y', version: 4, starredAt: undefined, modifiedAt: NOW + 3, updatedAt: NOW + 4 },
        ...{ trashedAt: undefined, trashedFrom: undefined, jobId: undefined },
      };
      await write(metadata(), (r) => r.entries.update(changed));
      expect(await metadata().entries.find(entry.id)).toEqual(changed);
      await write(metadata(), (r) => r.entries.detach([entry.id], '5'));
      expect(await metadata().entries.find(entry.id)).toMatchObject({ liveParentId: undefined, jobId: '5' });
      await write(metadata(), (r) => r.entries.remove([entry.id, root.id]));
      expect(await metadata().entries.findMany([root.id, entry.id])).toEqual([]);
    });

    it('one live name per folder; what is trashed may have any', async () => {
      const parentId = newId();
      const [one, two] = [fileIn(parentId, 'A'), folderIn(parentId, 'a')];
      await put(one);
      for (const insert of ['insert', 'insertMany'] as const) {
        await expect(
          write(metadata(), ({ entries }) =>
            insert === 'insert' ? entries.insert(two) : entries.insertMany([two]),
          ),
        ).rejects.toMatchObject({ code: 'AlreadyExists' });
      }
      await put({ ...two, liveParentId: undefined }, fileIn(newId(), 'a'));
      await put(fileIn(parentId, 'a', { liveParentId: undefined }));
      const back = { ...two, liveParentId: parentId };
      await expect(write(metadata(), (r) => r.entries.update(back))).rejects.toMatchObject({
        code: 'AlreadyExists',
        message: 'The name "a" is taken in this folder.',
      });
      expect(await metadata().entries.child(parentId, 'a')).toEqual(one);
      expect(await metadata().entries.child(parentId, 'A')).toBeUndefined();
      expect([...(await metadata().entries.takenKeys(parentId, ['x', 'a']))]).toEqual(['a']);
      expect((await metadata().entries.takenKeys(parentId, [])).size).toBe(0);
    });

    it('leads from an entry up to its root, or to where it was cut off', async () => {
      const root = sampleFolder();
      const a = folderIn(root.id, 'a');
      const b = folderIn(a.id, 'b');
      const file = fileIn(b.id, 'f');
      const gone = folderIn(a.id, 'gone', { liveParentId: undefined, trashedAt: NOW });
      const inside = fileIn(gone.id, 'inside');
      await put(root, a, b, file, gone, inside);
      expect(await metadata().entries.lineage(file.id)).toEqual([file, b, a, root]);
      expect(await metadata().entries.lineage(root.id)).toEqual([root]);
      expect(await metadata().entries.lineage(inside.id)).toEqual([inside, gone]);
      expect(await metadata().entries.lineage(newId())).toEqual([]);
      const several = await metadata().entries.lineages([inside.id, a.id, newId(), a.id, file.id]);
      expect([...several.keys()].sort()).toEqual([inside.id, a.id, file.id].sort());
      expect(several.get(file.id)).toEqual([file, b, a, root]);
      expect(several.get(a.id)).toEqual([a, root]);
      expect(several.get(inside.id)).toEqual([inside, gone]);
      expect((await metadata().entries.lineages([])).size).toBe(0);
    });

    it('a lineage ends where entries are nested deeper than they may be', async () => {
      const folders = [sampleFolder()];
      for (let depth = 0; depth < 150; depth += 1) folders.push(folderIn(folders.at(-1)?.id, `d${depth}`));
      await put(...folders);
      const deep = await metadata().entries.lineage(folders.at(-1)?.id ?? '');
      expect(deep.length).toBeLessThan(140);
      expect(deep.length).toBeGreaterThan(128);
      const circle = [folderIn(newId(), 'x'), folderIn(newId(), 'y')] as [Entry, Entry];
      const [x, y] = circle;
      await put({ ...x, liveParentId: y.id }, { ...y, liveParentId: x.id });
      expect((await metadata().entries.lineage(x.id)).length).toBeLessThan(140);
    });

    it('pages through a folder by name, size and time, both ways', async () => {
      const parentId = newId();
      const names = ['b', 'B1', 'ä', 'z', '0', 'Ω', '😀', 'aa'];
      const files = names.map((name, i) =>
        fileIn(parentId, name, { size: i % 3, modifiedAt: NOW + (i % 4) }),
      );
      const others = [folderIn(parentId, 'folder'), fileIn(parentId, 'gone', { liveParentId: undefined })];
      await put(...files, ...others, fileIn(newId(), 'elsewhere'));
      const keyOf = { name: 'nameKey', size: 'size', time: 'modifiedAt' } as const;
      const bytes = (a: string | number, b: string | number) =>
        typeof a === 'number' ? a - Number(b) : Buffer.compare(Buffer.from(a), Buffer.from(String(b)));
      for (const sort of ['name', 'size', 'time'] as EntrySort[]) {
        for (const descending of [false, true]) {
          const key = keyOf[sort];
          const expected = files
            .toSorted((a, b) => bytes(a[key], b[key]) || Number(BigInt(a.id) - BigInt(b.id)))
            .map(({ name }) => name);
          if (descending) expected.reverse();
          const seen: string[] = [];
          for (let after: { value: string | number; id: string } | undefined; ; ) {
            const query = { folderId: parentId, kind: 'file', sort, descending, after, limit: 3 } as const;
            const page = await metadata().entries.children(query);
            seen.push(...page.map(({ name }) => name));
            const last = page.at(-1);
            if (last === undefined) break;
            after = { value: last[key], id: last.id };
          }
          expect(seen).toEqual(expected);
        }
      }
      const all: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await metadata().entries.childrenByName(parentId, after, 4);
        all.push(...page.map(({ name }) => name));
        after = page.at(-1)?.nameKey;
        if (after === undefined) break;
      }
      expect(all).toEqual(['0', 'aa', 'b', 'B1', 'folder', 'z', 'ä', 'Ω', '😀']);
      expect(await metadata().entries.foldersIn([parentId, newId()], 10)).toEqual([others[0]?.id]);
      expect(await metadata().entries.inAny([parentId], 100)).toHaveLength(9);
      expect(await metadata().entries.inAny([parentId], 4)).toHaveLength(4);
      const bytes9 = files.reduce((sum, { size }) => sum + size, 0);
      expect(await metadata().entries.totals([parentId])).toEqual({ entries: 9, bytes: bytes9 });
      expect(await metadata().entries.totals([])).toEqual({ entries: 0, bytes: 0 });
      expect(await metadata().entries.inAny([], 4)).toEqual([]);
      expect(await metadata().entries.foldersIn([], 4)).toEqual([]);
    });

    it('lists what is trashed, recent and starred, the last first', async () => {
      const userId = newId();
      const of = (name: string, values: Partial<Entry>) => fileIn(newId(), name, { userId, ...values });
      const trash = [1, 2, 2, 3].map((at) =>
        of(`t${at}`, { trashedAt: NOW + at, liveParentId: undefined, modifiedAt: NOW - 100 }),
      );
      const starred = [5, 5, 4].map((at) => of(`s${at}`, { starredAt: NOW + at, modifiedAt: NOW - 200 }));
      const recent = [9, 7, 8].map((at) => of(`r${at}`, { modifiedAt: NOW + at }));
      await put(...trash, ...starred, ...recent, folderIn(newId(), 'f', { userId, modifiedAt: NOW + 50 }));
      const { entries } = metadata();
      const pages = async (list: 'trashed' | 'recent' | 'starred', at: (e: Entry) => number) => {
        const seen: string[] = [];
        for (let after: { at: number; id: string } | undefined; ; ) {
          const page = await entries[list](userId, after, 2);
          seen.push(...page.map(({ name }) => name));
          const last = page.at(-1);
          if (last === undefined) return seen;
          after = { at: at(last), id: last.id };
        }
      };
      expect(await pages('trashed', (e) => e.trashedAt ?? 0)).toEqual(['t3', 't2', 't2', 't1']);
      expect(await pages('starred', (e) => e.starredAt ?? 0)).toEqual(['s5', 's5', 's4']);
      expect((await pages('recent', (e) => e.modifiedAt)).slice(0, 3)).toEqual(['r9', 'r8', 'r7']);
      expect(await entries.trashed(newId(), undefined, 10)).toEqual([]);
      const old = (await entries.trashedBefore(NOW + 2, 10)).map(({ name }) => name);
      expect(old).toEqual(['t1', 't2', 't2']);
      const scanned = await entries.scan(trash[0]?.id, 3);
      expect(scanned.map(({ id }) => id)).toEqual(trash.slice(1).map(({ id }) => id));
    });

    it('keeps the contents that a file had before', async () => {
      const entry = fileIn(newId(), 'f');
      await put(entry);
      const versions = [1, 2, 3].map((version) => ({
        ...{ entryId: entry.id, version, fileUid: newId(), size: version * 3_000_000_000 },
        ...{ contentType: 'a/b', modifiedAt: NOW + version },
      }));
      await write(metadata(), (r) => r.entries.insertVersions(versions));
      const { entries } = metadata();
      expect(await entries.versions(entry.id, undefined, 10)).toEqual(versions.toReversed());
      expect(await entries.versions(entry.id, 3, 1)).toEqual([versions[1]]);
      expect(await entries.findVersion(entry.id, 2)).toEqual(versions[1]);
      expect(await entries.findVersion(entry.id, 9)).toBeUndefined();
      expect(await entries.versionsOf([entry.id, newId()])).toHaveLength(3);
      expect(await entries.versionsOf([])).toEqual([]);
      const later = { ...versions[0], entryId: newId(), version: 1 } as EntryVersion;
      await write(metadata(), (r) => r.entries.insertVersions([later]));
      const both = [later.entryId, entry.id];
      expect(await entries.versionsOf(both)).toEqual([...versions, later]);
      expect(await entries.versionsOf(both, 2)).toEqual(versions.slice(0, 2));
      await write(metadata(), (r) => r.entries.removeVersions(entry.id, [1, 3]));
      expect(await entries.versions(entry.id, undefined, 10)).toEqual([versions[1]]);
      await write(metadata(), (r) => r.entries.remove([entry.id]));
      expect(await entries.versions(entry.id, undefined, 10)).toEqual([]);
    });
  });
}
