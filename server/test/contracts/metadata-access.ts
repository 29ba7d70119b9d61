import { describe, expect, it } from 'vitest';
import type { LinkRecord } from '#core/model/link.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, sampleKey, sampleLink, write } from './metadata-samples.ts';

export function accessContract({ metadata }: Fixture): void {
  const insertLink = async (values: Partial<LinkRecord> = {}) => {
    const link = sampleLink(values);
    await write(metadata(), ({ links }) => links.insert(link));
    return link;
  };

  describe('links', () => {
    it('keeps every field and lists usable links of a uid, newest first', async () => {
      const uid = newId();
      const old = await insertLink({ uid, maxUses: 5, uses: 2, disposition: 'inline', scope: 'write' });
      const young = await insertLink({ uid, createdAt: NOW + 1 });
      await insertLink({ uid, expiresAt: NOW });
      await insertLink({ uid, revokedAt: NOW });
      await insertLink();
      expect(await metadata().links.find(old.id)).toEqual(old);
      expect(await metadata().links.list(uid, NOW, 10)).toEqual([young, old]);
      expect(await metadata().links.list(uid, NOW, 1)).toEqual([young]);
      expect(await metadata().links.find('none')).toBeUndefined();
    });

    it('refuses a taken id', async () => {
      const { id } = await insertLink();
      await expect(insertLink({ id })).rejects.toMatchObject({ code: 'AlreadyExists' });
    });

    it('revokes a link of its uid, twice without harm', async () => {
      const link = await insertLink();
      const revoke = (uid: string, at: number) =>
        write(metadata(), ({ links }) => links.revoke(uid, link.id, at));
      expect(await revoke(newId(), NOW)).toBe(false);
      expect(await revoke(link.uid, NOW + 1)).toBe(true);
      expect(await revoke(link.uid, NOW + 2)).toBe(true);
      expect(await metadata().links.find(link.id)).toEqual({ ...link, revokedAt: NOW + 1 });
    });

    it('revokes all links of a uid, without touching others or the time of those revoked before', async () => {
      const uid = newId();
      const links = [await insertLink({ uid }), await insertLink({ uid, scope: 'write' })];
      const before = await insertLink({ uid, revokedAt: NOW - 1 });
      const other = await insertLink();
      const revokeAll = (at: number) => write(metadata(), (r) => r.links.revokeAll(uid, at));
      expect(await revokeAll(NOW)).toBe(2);
      expect(await revokeAll(NOW + 1)).toBe(0);
      for (const link of links)
        expect(await metadata().links.find(link.id)).toEqual({ ...link, revokedAt: NOW });
      expect(await metadata().links.find(before.id)).toEqual(before);
      expect(await metadata().links.find(other.id)).toEqual(other);
    });

    it('counts uses up to the limit, even when many come at once', async () => {
      const use = (id: string, now = NOW) => write(metadata(), ({ links }) => links.use(id, now));
      const limited = await insertLink({ maxUses: 3 });
      const uses = await Promise.all(Array.from({ length: 20 }, () => use(limited.id)));
      expect(uses.filter(Boolean)).toHaveLength(3);
      expect((await metadata().links.find(limited.id))?.uses).toBe(3);
      const free = await insertLink();
      expect(await use(free.id)).toBe(true);
      expect(await use(free.id, free.expiresAt)).toBe(false);
      const revoked = await insertLink({ revokedAt: NOW });
      expect(await use(revoked.id)).toBe(false);
      expect(await use('none')).toBe(false);
    });

    it('removes links that expired', async () => {
      const gone = await insertLink({ expiresAt: NOW });
      const kept = await insertLink({ expiresAt: NOW + 1 });
      expect(await write(metadata(), ({ links }) => links.removeExpired(NOW, 10))).toBe(1);
      expect(await metadata().links.find(gone.id)).toBeUndefined();
      expect(await metadata().links.find(kept.id)).toEqual(kept);
    });
  });

  describe('service keys', () => {
    it('keeps every field, lists, revokes and notes use', async () => {
      const plain = sampleKey();
      const full = sampleKey({
        ...{ scopes: ['admin'], createdAt: NOW + 1, expiresAt: NOW + 9, name: '键' },
        ...{ store: 'far', namePrefix: 'in/😀', lastUsedAt: NOW, lastUsedFrom: '::1', rotatedAt: NOW },
        former: { hash: 'ab', until: NOW + 5, lastUsedAt: NOW + 2 },
      });
      await write(metadata(), async ({ keys }) => {
        await keys.insert(full);
        await keys.insert(plain);
      });
      expect(await metadata().keys.find(full.id)).toEqual(full);
      expect(await metadata().keys.list()).toEqual([plain, full]);
      const again = write(metadata(), ({ keys }) => keys.insert(plain));
      await expect(again).rejects.toMatchObject({ code: 'AlreadyExists' });
      await write(metadata(), async ({ keys }) => {
        expect(await keys.revoke(plain.id, NOW + 1)).toBe(true);
        expect(await keys.revoke('none', NOW)).toBe(false);
        await keys.touch(plain.id, { at: NOW + 3, from: '10.0.0.1', former: false });
        await keys.touch(plain.id, { at: NOW + 2, from: '10.0.0.2', former: true });
      });
      expect(await metadata().keys.find(plain.id)).toEqual({
        ...plain,
        revokedAt: NOW + 1,
        lastUsedAt: NOW + 3,
        lastUsedFrom: '10.0.0.1',
      });
      expect(await metadata().keys.find('none')).toBeUndefined();
    });

    it('changes its secret and keeps the one before, with when that was used', async () => {
      const key = sampleKey();
      await write(metadata(), ({ keys }) => keys.insert(key));
      const former = { hash: key.secretHash, until: NOW + 9, lastUsedAt: undefined };
      const rotated = { secretHash: 'cd', former, rotatedAt: NOW + 1 };
      await write(metadata(), async ({ keys }) => {
        expect(await keys.lock(key.id)).toEqual(key);
        await keys.rotate(key.id, rotated);
        await keys.touch(key.id, { at: NOW + 4, from: undefined, former: true });
        await keys.touch(key.id, { at: NOW + 3, from: undefined, former: true });
      });
      const used = { former: { ...former, lastUsedAt: NOW + 4 }, lastUsedAt: NOW + 4 };
      expect(await metadata().keys.find(key.id)).toEqual({ ...key, ...rotated, ...used });
      await write(metadata(), async ({ keys }) => {
        expect(await keys.lock('none')).toBeUndefined();
        await keys.rotate(key.id, { secretHash: 'ef', former: undefined, rotatedAt: NOW + 5 });
      });
      expect((await metadata().keys.find(key.id))?.former).toBeUndefined();
    });
  });

  describe('idempotency', () => {
    it('remembers the first record of an owner and key, until it is old', async () => {
      const record = { owner: 'anna', key: 'k', fingerprint: 'f', uid: newId(), createdAt: NOW };
      const insert = (values: Partial<typeof record> = {}) =>
        write(metadata(), ({ idempotency }) => idempotency.insert({ ...record, ...values }));
      await insert();
      await expect(insert({ uid: newId() })).rejects.toMatchObject({ code: 'AlreadyExists' });
      await insert({ owner: 'bert', createdAt: NOW + 1 });
      expect(await metadata().idempotency.find('anna', 'k')).toEqual(record);
      expect(await write(metadata(), (r) => r.idempotency.removeOld(NOW, 10))).toBe(1);
      expect(await metadata().idempotency.find('anna', 'k')).toBeUndefined();
      expect(await metadata().idempotency.find('bert', 'k')).toBeDefined();
    });
  });
}
