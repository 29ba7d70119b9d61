import { describe, expect, it } from 'vitest';
import type { OneTimeToken } from '#core/model/one-time-token.ts';
import type { MetadataWriter } from '#core/ports/metadata.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, sha256Of, write } from './metadata-samples.ts';

export function sampleOneTimeToken(values: Partial<OneTimeToken> = {}): OneTimeToken {
  const id = newId();
  return {
    ...{ id, kind: 'invite', hash: sha256Of(id), userId: undefined, data: { role: 'member' } },
    ...{ createdAt: NOW, expiresAt: NOW + 1000, usedAt: undefined, tries: 0 },
    ...values,
  };
}

export function signInContract({ metadata, openAnother }: Fixture): void {
  const insert = async (values: Partial<OneTimeToken> = {}) => {
    const token = sampleOneTimeToken(values);
    await write(metadata(), ({ oneTimeTokens }) => oneTimeTokens.insert(token));
    return token;
  };
  const find = ({ kind, hash }: OneTimeToken) => write(metadata(), (r) => r.oneTimeTokens.lock(kind, hash));

  describe('one-time tokens', () => {
    it('keep every field, by kind and hash', async () => {
      const plain = await insert();
      const full = await insert({ kind: 'reset', userId: newId(), usedAt: NOW + 1, tries: 3 });
      expect(await find(plain)).toEqual(plain);
      expect(await find(full)).toEqual(full);
      expect(await find({ ...full, kind: 'invite' })).toBeUndefined();
      await expect(insert({ hash: plain.hash })).rejects.toMatchObject({ code: 'AlreadyExists' });
    });

    it('are listed while they may be used', async () => {
      const [one, two] = [await insert(), await insert()];
      await insert({ usedAt: NOW });
      await insert({ expiresAt: NOW });
      await insert({ kind: 'email' });
      expect(await metadata().oneTimeTokens.open('invite', NOW, 10)).toEqual([one, two]);
      expect(await metadata().oneTimeTokens.open('invite', NOW, 1)).toEqual([one]);
    });

    it('are used by one of many who show them at once', async () => {
      const other = await openAnother();
      const token = await insert();
      const use = async ({ oneTimeTokens }: MetadataWriter) => {
        const found = await oneTimeTokens.lock(token.kind, token.hash);
        if (found?.usedAt !== undefined) return false;
        await oneTimeTokens.use(token.id, NOW);
        return true;
      };
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, n) => write(n % 2 === 0 ? metadata() : other, use)),
      );
      expect(outcomes.filter(Boolean)).toHaveLength(1);
    });

    it('count tries, and are removed by id, by user and when they expired', async () => {
      const userId = newId();
      const [byId, reset, email] = [
        await insert(),
        await insert({ kind: 'reset', userId }),
        await insert({ kind: 'email', userId }),
      ];
      const expired = await insert({ expiresAt: NOW });
      await write(metadata(), async ({ oneTimeTokens }) => {
        await oneTimeTokens.countTry(byId.id);
        await oneTimeTokens.countTry(byId.id);
        expect(await oneTimeTokens.lock(byId.kind, byId.hash)).toEqual({ ...byId, tries: 2 });
        expect(await oneTimeTokens.remove('reset', byId.id)).toBe(false);
        expect(await oneTimeTokens.remove('invite', byId.id)).toBe(true);
        await oneTimeTokens.removeOfUser(userId, 'reset');
      });
      expect([await find(byId), await find(reset), await find(email)]).toEqual([undefined, undefined, email]);
      await write(metadata(), async ({ oneTimeTokens }) => {
        await oneTimeTokens.removeOfUser(userId);
        expect(await oneTimeTokens.removeExpired(NOW, 10)).toBe(1);
      });
      expect([await find(email), await find(expired)]).toEqual([undefined, undefined]);
    });
  });

  describe('second factors', () => {
    it('begin, are confirmed, and take each step once', async () => {
      const userId = newId();
      const { secondFactors } = metadata();
      await write(metadata(), async (r) => {
        expect(await r.secondFactors.begin(userId, 'FIRST', NOW)).toBe(true);
        expect(await r.secondFactors.begin(userId, 'SECOND', NOW)).toBe(true);
      });
      expect(await secondFactors.totp(userId)).toEqual({
        ...{ secret: 'SECOND', confirmedAt: undefined, lastStep: 0 },
      });
      await write(metadata(), async (r) => {
        await r.secondFactors.confirm(userId, NOW + 1);
        expect(await r.secondFactors.begin(userId, 'THIRD', NOW)).toBe(false);
        expect(await r.secondFactors.takeStep(userId, 100)).toBe(true);
        expect(await r.secondFactors.takeStep(userId, 100)).toBe(false);
        expect(await r.secondFactors.takeStep(userId, 99)).toBe(false);
        expect(await r.secondFactors.takeStep(newId(), 5)).toBe(false);
      });
      expect(await secondFactors.totp(userId)).toEqual({
        ...{ secret: 'SECOND', confirmedAt: NOW + 1, lastStep: 100 },
      });
    });

    it('take a code of one step once, even when two show it at the same time', async () => {
      const userId = newId();
      const other = await openAnother();
      await write(metadata(), (r) => r.secondFactors.begin(userId, 'S', NOW));
      const takes = [metadata(), other, metadata(), other].map((from) =>
        write(from, (r) => r.secondFactors.takeStep(userId, 7)),
      );
      expect((await Promise.all(takes)).filter(Boolean)).toHaveLength(1);
    });

    it('have recovery codes, each good once, which new ones replace', async () => {
      const userId = newId();
      const hashes = [sha256Of('a'), sha256Of('b')];
      await write(metadata(), async (r) => {
        await r.secondFactors.begin(userId, 'S', NOW);
        await r.secondFactors.putRecoveryCodes(userId, hashes);
        expect(await r.secondFactors.useRecoveryCode(newId(), sha256Of('a'), NOW)).toBe(false);
        expect(await r.secondFactors.useRecoveryCode(userId, sha256Of('a'), NOW)).toBe(true);
        expect(await r.secondFactors.useRecoveryCode(userId, sha256Of('a'), NOW)).toBe(false);
      });
      expect(await metadata().secondFactors.recoveryCodesLeft(userId)).toBe(1);
      await write(metadata(), (r) => r.secondFactors.putRecoveryCodes(userId, [sha256Of('a')]));
      expect(await metadata().secondFactors.recoveryCodesLeft(userId)).toBe(1);
      await write(metadata(), (r) => r.secondFactors.removeOfUser(userId));
      expect(await metadata().secondFactors.recoveryCodesLeft(userId)).toBe(0);
      expect(await metadata().secondFactors.totp(userId)).toBeUndefined();
    });
  });

  describe('attempts', () => {
    const take = (key: string, now = NOW) => write(metadata(), (r) => r.attempts.take(key, 3, 1000, now));

    it('are counted up to the limit within a window', async () => {
      const key = `k-${newId()}`;
      expect(await take(key)).toEqual({ allowed: true, left: 2, until: NOW + 1000 });
      expect(await take(key, NOW + 500)).toEqual({ allowed: true, left: 1, until: NOW + 1000 });
      expect(await take(key, NOW + 600)).toEqual({ allowed: true, left: 0, until: NOW + 1000 });
      expect(await take(key, NOW + 700)).toEqual({ allowed: false, left: 0, until: NOW + 1000 });
      expect(await take(key, NOW + 1000)).toEqual({ allowed: true, left: 2, until: NOW + 2000 });
      // One that looked at the clock earlier, or has one that is behind, counts in the same window.
      expect(await take(key, NOW + 900)).toEqual({ allowed: true, left: 1, until: NOW + 2000 });
      // A clock that was far ahead shuts nobody out for longer than a window.
      expect((await take(key, NOW - 1_000_000)).until).toBe(NOW - 999_000);
    });

    it('are no more than the limit when many come at once', async () => {
      const key = `k-${newId()}`;
      const other = await openAnother();
      const takes = Array.from({ length: 12 }, (_, n) =>
        write(n % 2 === 0 ? metadata() : other, (r) => r.attempts.take(key, 5, 1000, NOW)),
      );
      expect((await Promise.all(takes)).filter(({ allowed }) => allowed)).toHaveLength(5);
    });

    it('are given back, cleared and forgotten', async () => {
      const key = `k-${newId()}`;
      for (let n = 0; n < 3; n += 1) await take(key);
      await write(metadata(), (r) => r.attempts.giveBack(key));
      expect((await take(key)).allowed).toBe(true);
      await write(metadata(), (r) => r.attempts.clear(key));
      expect((await take(key)).left).toBe(2);
      await write(metadata(), (r) => r.attempts.giveBack('none'));
      expect(await write(metadata(), (r) => r.attempts.removeExpired(NOW + 999, 10))).toBe(0);
      expect(await write(metadata(), (r) => r.attempts.removeExpired(NOW + 1000, 10))).toBe(1);
    });
  });
}
