import { describe, expect, it } from 'vitest';
import { newFileEntry } from '#core/drive/new-entry.ts';
import type { Entry } from '#core/model/entry.ts';
import { ownerOfUser } from '#core/model/principal.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, putFile, sampleFile, write } from './metadata-samples.ts';

export function contentEntriesContract({ metadata }: Fixture): void {
  const entryOn = async (userId: string, content: string, values: Partial<Entry> = {}) => {
    const { file, manifest } = await putFile(metadata(), { owner: ownerOfUser(userId) }, content);
    const named = { id: newId(), userId, parentId: newId(), name: 'n' };
    const entry = { ...newFileEntry(named, file, NOW), ...values };
    await write(metadata(), (r) => r.entries.insert(entry));
    return { entry, file, manifest };
  };

  describe('entries by content', () => {
    it('are found by digests that were computed here, the newest first, of one person', async () => {
      const [mine, other] = [newId(), newId()];
      const { entry: first, manifest, file } = await entryOn(mine, `c-${mine}`);
      const { sha256 = '' } = manifest;
      const again = sampleFile({ owner: file.owner, manifestId: manifest.id, sha256, verified: true });
      const second = newFileEntry({ id: newId(), userId: mine, parentId: newId(), name: 'n' }, again, NOW);
      await write(metadata(), async (r) => {
        await r.files.insert(again);
        await r.entries.insert(second);
      });
      const { contents } = metadata();
      const sha1 = mine.padStart(40, '0');
      expect(await contents.having(mine, { sha256 })).toEqual([second, first]);
      expect(await contents.having(other, { sha256 })).toEqual([]);
      expect(await contents.having(mine, { sha1 })).toEqual([]);
      await write(metadata(), (r) => r.manifests.learnSha1(manifest.id, sha1));
      expect(await contents.having(mine, { sha1 })).toEqual([second, first]);
      const service = sampleFile({ owner: 'shop', manifestId: manifest.id, sha256, verified: true });
      await write(metadata(), (r) => r.files.insert(service));
      expect(await contents.peopleHaving({ sha256 }, manifest.size)).toEqual([ownerOfUser(mine)]);
      expect(await contents.peopleHaving({ sha1 }, manifest.size)).toEqual([ownerOfUser(mine)]);
      expect(await contents.peopleHaving({ sha256 }, manifest.size + 1)).toEqual([]);
      const uids = [first.fileUid ?? '', second.fileUid ?? '', newId()];
      expect(await contents.digestsOf(uids)).toEqual(
        new Map([
          [first.fileUid, { sha256, sha1 }],
          [second.fileUid, { sha256, sha1 }],
        ]),
      );
      await write(metadata(), (r) =>
        r.entries.update({ ...second, liveParentId: undefined, trashedAt: NOW }),
      );
      expect(await contents.having(mine, { sha1 })).toEqual([first]);
    });

    it('are found among any number of files that are in no folder, and so is everybody who has one', async () => {
      const [mine, later] = [newId(), newId()];
      const { file, manifest } = await entryOn(mine, `c-${mine}`);
      const { sha256 = '' } = manifest;
      const of = { manifestId: manifest.id, sha256, verified: true };
      const many = Array.from({ length: 1000 }, () => sampleFile({ ...of, owner: file.owner }));
      const last = sampleFile({ ...of, owner: file.owner });
      const entry = newFileEntry({ id: newId(), userId: mine, parentId: newId(), name: 'n' }, last, NOW);
      await write(metadata(), async (r) => {
        await r.files.insertMany(many);
        await r.files.insertMany([last, sampleFile({ ...of, owner: ownerOfUser(later) })]);
        await r.entries.insert(entry);
      });
      const { contents } = metadata();
      expect((await contents.having(mine, { sha256 }))[0]).toEqual(entry);
      const people = await contents.peopleHaving({ sha256 }, manifest.size);
      expect(people.toSorted()).toEqual([mine, later].map(ownerOfUser));
    });
  });
}
