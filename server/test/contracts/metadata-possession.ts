import { describe, expect, it } from 'vitest';
import type { PossessionChallenge } from '#core/model/possession.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, sha256Of, write } from './metadata-samples.ts';

export function possessionContract({ metadata, openAnother }: Fixture): void {
  const sample = (values: Partial<PossessionChallenge> = {}): PossessionChallenge => ({
    ...{ id: newId(), userId: newId(), sha256: sha256Of('c'), size: 5_000_000_000, nonce: sha256Of('n') },
    ...{ createdAt: NOW, expiresAt: NOW + 60_000 },
    ...values,
  });
  const take = (from: Metadata, id: string, userId: string) =>
    write(from, (r) => r.possession.take(id, userId));

  describe('possession', () => {
    it('gives a challenge to its user, once', async () => {
      const one = sample();
      await write(metadata(), (r) => r.possession.insert(one));
      expect(await take(metadata(), one.id, newId())).toBeUndefined();
      expect(await take(metadata(), newId(), one.userId)).toBeUndefined();
      expect(await take(metadata(), one.id, one.userId)).toEqual(one);
      expect(await take(metadata(), one.id, one.userId)).toBeUndefined();
    });

    it('gives it to one of two who ask at once', async () => {
      const other = await openAnother();
      for (let round = 0; round < 10; round += 1) {
        const one = sample();
        await write(metadata(), (r) => r.possession.insert(one));
        const both = [metadata(), other].map((from) => take(from, one.id, one.userId));
        expect((await Promise.all(both)).filter((got) => got !== undefined)).toEqual([one]);
      }
    });

    it('forgets those whose time is over', async () => {
      const [old, older, fresh] = [
        sample({ expiresAt: NOW }),
        sample({ expiresAt: NOW - 5 }),
        sample({ expiresAt: NOW + 1 }),
      ];
      await write(metadata(), async (r) => {
        for (const one of [old, older, fresh]) await r.possession.insert(one);
      });
      expect(await write(metadata(), (r) => r.possession.removeExpired(NOW, 1))).toBe(1);
      expect(await take(metadata(), older.id, older.userId)).toBeUndefined();
      expect(await write(metadata(), (r) => r.possession.removeExpired(NOW, 10))).toBe(1);
      expect(await write(metadata(), (r) => r.possession.removeExpired(NOW, 10))).toBe(0);
      expect(await take(metadata(), old.id, old.userId)).toBeUndefined();
      expect(await take(metadata(), fresh.id, fresh.userId)).toEqual(fresh);
    });
  });
}
