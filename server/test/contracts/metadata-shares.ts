import { describe, expect, it } from 'vitest';
import type { Share } from '#core/model/share.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, sampleShare, sha256Of, write } from './metadata-samples.ts';

export function sharesContract({ metadata, openAnother }: Fixture): void {
  const insert = async (values: Partial<Share> = {}): Promise<Share> => {
    const share = sampleShare(values);
    await write(metadata(), ({ shares }) => shares.insert(share, sha256Of(share.key)));
    return share;
  };
  const full: Partial<Share> = {
    ...{ label: 'für 张', password: '$argon2id$x', passwordEpoch: 3, expiresAt: NOW + 1, maxDownloads: 5 },
    ...{ downloads: 4, maxUploads: 9, maxUploadBytes: 2 ** 45, uploads: 8, lastUsedAt: NOW + 2 },
  };

  describe('shares', () => {
    it('keeps every field, and finds a share by its id and by the hash of its key', async () => {
      for (const share of [await insert(), await insert(full)]) {
        expect(await metadata().shares.find(share.id)).toEqual(share);
        expect(await metadata().shares.findByKey(sha256Of(share.key))).toEqual(share);
      }
      expect(await metadata().shares.find(newId())).toBeUndefined();
      expect(await metadata().shares.findByKey(sha256Of('none'))).toBeUndefined();
    });

    it('refuses a key that is taken', async () => {
      const { key } = await insert();
      await expect(insert({ key })).rejects.toMatchObject({ code: 'AlreadyExists' });
    });

    it('changes what may change', async () => {
      const share = await insert();
      const changed = { ...share, ...full, permission: 'view' as const, updatedAt: NOW + 9 };
      await write(metadata(), ({ shares }) => shares.update(changed));
      expect(await metadata().shares.find(share.id)).toEqual(changed);
      await write(metadata(), ({ shares }) => shares.update(share));
      expect(await metadata().shares.find(share.id)).toEqual(share);
    });

    it('lists those of a person, or of an entry of a person, the newest first', async () => {
      const [userId, entryId] = [newId(), newId()];
      const first = await insert({ userId });
      const second = await insert({ userId, entryId });
      const third = await insert({ userId, entryId });
      await insert({ entryId });
      const { shares } = metadata();
      expect(await shares.list({ userId, limit: 10 })).toEqual([third, second, first]);
      expect(await shares.list({ userId, limit: 2 })).toEqual([third, second]);
      expect(await shares.list({ userId, limit: 2, after: second.id })).toEqual([first]);
      expect(await shares.list({ userId, entryId, limit: 10 })).toEqual([third, second]);
      expect(await shares.list({ userId, entryId, limit: 10, after: third.id })).toEqual([second]);
      expect(await shares.sharedAmong([entryId, first.entryId, newId()])).toEqual(
        new Set([entryId, first.entryId]),
      );
      expect(await shares.sharedAmong([])).toEqual(new Set());
    });

    it('removes one, and those of entries that are removed, with their visits', async () => {
      const [userId, entryId] = [newId(), newId()];
      const visitor = sha256Of('v');
      const all = [await insert({ userId }), await insert({ entryId }), await insert({ userId, entryId })];
      for (const { id } of all) await write(metadata(), ({ shares }) => shares.putVisit(id, visitor, NOW));
      const [one, ofEntry, both] = all as [Share, Share, Share];
      await write(metadata(), ({ entries }) => entries.remove([entryId, newId()]));
      expect(await metadata().shares.find(ofEntry.id)).toBeUndefined();
      expect(await metadata().shares.find(both.id)).toBeUndefined();
      expect(await metadata().shares.find(one.id)).toEqual(one);
      expect(await metadata().shares.visit(both.id, visitor)).toBeUndefined();
      expect(await metadata().shares.visit(one.id, visitor)).toBe(NOW);
      const last = await insert();
      expect(await write(metadata(), ({ shares }) => shares.remove(last.id))).toBe(true);
      expect(await write(metadata(), ({ shares }) => shares.remove(last.id))).toBe(false);
    });

    it('counts one after the other, from several processes at once', async () => {
      const { id } = await insert({ maxDownloads: 5 });
      const openings = [metadata(), await openAnother()];
      const take = (index: number) =>
        write(openings[index % 2] ?? metadata(), async ({ shares }) => {
          const share = await shares.lock(id);
          if (share === undefined || share.downloads >= (share.maxDownloads ?? 0)) return false;
          await shares.update({ ...share, downloads: share.downloads + 1 });
          return true;
        });
      const taken = await Promise.all(Array.from({ length: 30 }, (_, index) => take(index)));
      expect(taken.filter(Boolean)).toHaveLength(5);
      expect((await metadata().shares.find(id))?.downloads).toBe(5);
    });

    it('keeps visits until they are over', async () => {
      const { id } = await insert();
      const [one, two] = [sha256Of('one'), sha256Of('two')];
      await write(metadata(), ({ shares }) => shares.putVisit(id, one, NOW));
      await write(metadata(), ({ shares }) => shares.putVisit(id, one, NOW + 5));
      await write(metadata(), ({ shares }) => shares.putVisit(id, two, NOW));
      expect(await metadata().shares.visit(id, one)).toBe(NOW + 5);
      expect(await write(metadata(), ({ shares }) => shares.removeVisits(NOW, 10))).toBe(1);
      expect(await metadata().shares.visit(id, one)).toBe(NOW + 5);
      expect(await metadata().shares.visit(id, two)).toBeUndefined();
    });

    it('counts tries of several processes at once', async () => {
      const name = newId();
      const openings = [metadata(), await openAnother()];
      const attempt = (index: number) =>
        write(openings[index % 2] ?? metadata(), async ({ shares }) => {
          const { count, until } = await shares.lockTries(name, NOW);
          await shares.setTries(name, { count: count + 1, until });
        });
      await Promise.all(Array.from({ length: 20 }, (_, index) => attempt(index)));
      expect(await write(metadata(), ({ shares }) => shares.lockTries(name, NOW + 99))).toEqual({
        count: 20,
        until: NOW,
      });
      expect(await write(metadata(), ({ shares }) => shares.removeTries(NOW - 1, 10))).toBe(0);
      expect(await write(metadata(), ({ shares }) => shares.removeTries(NOW, 10))).toBe(1);
      expect((await write(metadata(), ({ shares }) => shares.lockTries(name, NOW))).count).toBe(0);
    });

    it('gives a ticket to one of those who take it', async () => {
      const userId = newId();
      const ticket = (hash: string, expiresAt: number) => ({
        ...{ hash: sha256Of(hash), userId, sessionId: newId(), wish: { a: ['1'] } },
        ...{ createdAt: NOW, expiresAt },
      });
      const [kept, old] = [ticket('kept', NOW + 1), ticket('old', NOW)];
      await write(metadata(), async ({ shares }) => {
        for (const one of [kept, old]) await shares.insertTicket(one);
      });
      expect(await metadata().shares.findTicket(kept.hash)).toEqual(kept);
      expect(await write(metadata(), ({ shares }) => shares.removeTickets(NOW, 10))).toBe(1);
      expect(await metadata().shares.findTicket(old.hash)).toBeUndefined();
      const another = await openAnother();
      const takes = [metadata(), another, metadata(), another].map((from) =>
        write(from, ({ shares }) => shares.takeTicket(kept.hash)),
      );
      expect((await Promise.all(takes)).filter(Boolean)).toHaveLength(1);
    });
  });
}
