import { describe, expect, it } from 'vitest';
import { holdUser } from '#core/accounts/held-user.ts';
import { sampleUser } from './metadata-accounts.ts';
import type { Fixture } from './metadata-fixture.ts';
import { sampleCode, sampleIdentity, samplePending } from './metadata-identities-queries.ts';
import { NOW, newId, write } from './metadata-samples.ts';

export function identitiesContract({ metadata, openAnother }: Fixture): void {
  describe('identities', () => {
    it('are found by provider, issuer and subject alone', async () => {
      const one = sampleIdentity({ email: undefined, name: undefined, lastUsedAt: NOW });
      await write(metadata(), (r) => r.identities.insert(one));
      const { provider, issuer, subject, userId } = one;
      expect(await metadata().identities.find(provider, issuer, subject)).toEqual(one);
      expect(await metadata().identities.find('other', issuer, subject)).toBeUndefined();
      expect(await metadata().identities.find(provider, 'other', subject)).toBeUndefined();
      expect(await metadata().identities.find(provider, issuer, 'other')).toBeUndefined();
      expect(await metadata().identities.ofUser(userId)).toEqual([one]);
      expect(await metadata().identities.ofUser(newId())).toEqual([]);
    });

    it('tell subjects apart by case, and by where the issuer ends', async () => {
      const same = { issuer: 'https://a.example', subject: 'Ab' };
      const all = [same, { ...same, subject: 'ab' }, { issuer: 'https://a.exampleA', subject: 'b' }];
      const kept = all.map((values) => sampleIdentity(values));
      await write(metadata(), async (r) => {
        for (const one of kept) await r.identities.insert(one);
      });
      for (const one of kept) {
        expect(await metadata().identities.find(one.provider, one.issuer, one.subject)).toEqual(one);
      }
    });

    it('are not both removed by two who each look for another one under the user', async () => {
      const other = await openAnother();
      for (let round = 0; round < 10; round += 1) {
        const user = sampleUser();
        const [one, two] = [sampleIdentity({ userId: user.id }), sampleIdentity({ userId: user.id })];
        await write(metadata(), async (r) => {
          await r.users.insert(user, undefined);
          await r.identities.insert(one);
          await r.identities.insert(two);
        });
        const removed = await Promise.all(
          [one, two].map(({ id }, n) =>
            (n === 0 ? metadata() : other).transaction(async (r) => {
              await holdUser(r, user.id, NOW);
              if ((await r.identities.ofUser(user.id)).length < 2) return false;
              return r.identities.remove(user.id, id);
            }),
          ),
        );
        expect(removed.toSorted()).toEqual([false, true]);
        expect(await metadata().identities.ofUser(user.id)).toHaveLength(1);
      }
    });

    it('are linked once, also by two who do it at the same moment', async () => {
      const other = await openAnother();
      for (let round = 0; round < 5; round += 1) {
        const one = sampleIdentity();
        const tries = [metadata(), other].map((from) =>
          write(from, (r) => r.identities.insert({ ...one, id: newId(), userId: newId() })),
        );
        const done = await Promise.allSettled(tries);
        expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        const [failed] = done.filter((result) => result.status === 'rejected');
        expect(failed?.reason).toMatchObject({ code: 'AlreadyExists' });
      }
    });

    it('know when they were used last, and what was said then', async () => {
      const one = sampleIdentity();
      await write(metadata(), (r) => r.identities.insert(one));
      const said = { email: 'new@example.com', name: undefined };
      expect(await write(metadata(), (r) => r.identities.used(one.id, NOW + 5, said))).toBe(true);
      expect(await metadata().identities.ofUser(one.userId)).toEqual([
        { ...one, ...said, lastUsedAt: NOW + 5 },
      ]);
      expect(await write(metadata(), (r) => r.identities.used(newId(), NOW, said))).toBe(false);
    });

    it('are removed by their user alone, and with the user', async () => {
      const [one, two] = [sampleIdentity(), sampleIdentity()];
      const third = sampleIdentity({ userId: two.userId });
      await write(metadata(), async (r) => {
        for (const each of [one, two, third]) await r.identities.insert(each);
      });
      expect(await write(metadata(), (r) => r.identities.remove(two.userId, one.id))).toBe(false);
      expect(await write(metadata(), (r) => r.identities.remove(one.userId, one.id))).toBe(true);
      expect(await write(metadata(), (r) => r.identities.remove(one.userId, one.id))).toBe(false);
      expect(await metadata().identities.ofUser(two.userId)).toEqual([two, third]);
      await write(metadata(), (r) => r.identities.removeOfUser(two.userId));
      expect(await metadata().identities.ofUser(two.userId)).toEqual([]);
    });
  });

  describe('sign-ins that are pending', () => {
    it('are kept as they are, and taken by one of two who ask at once', async () => {
      const other = await openAnother();
      const linking = { userId: newId(), sessionId: newId() };
      for (const values of [{}, { linking }, { challenge: 'c'.repeat(43) }]) {
        const one = samplePending(values);
        await write(metadata(), (r) => r.identities.insertPending(one));
        expect(await other.identities.pendingSignIn(one.hash)).toEqual(one);
        const both = [metadata(), other].map((from) =>
          write(from, (r) => r.identities.takePending(one.hash)),
        );
        expect((await Promise.all(both)).toSorted()).toEqual([false, true]);
        expect(await metadata().identities.pendingSignIn(one.hash)).toBeUndefined();
      }
    });

    it('give a code to one of two who ask at once', async () => {
      const other = await openAnother();
      for (let round = 0; round < 5; round += 1) {
        const one = sampleCode();
        await write(metadata(), (r) => r.identities.insertCode(one));
        const both = [metadata(), other].map((from) => write(from, (r) => r.identities.takeCode(one.hash)));
        expect((await Promise.all(both)).filter((got) => got !== undefined)).toEqual([one]);
      }
    });

    it('are forgotten when their time is over', async () => {
      const times = [NOW - 5, NOW, NOW + 1];
      const kept = times.map((expiresAt) => samplePending({ expiresAt }));
      const codes = times.map((expiresAt) => sampleCode({ expiresAt }));
      await write(metadata(), async (r) => {
        for (const one of kept) await r.identities.insertPending(one);
        for (const one of codes) await r.identities.insertCode(one);
      });
      const remove = (limit: number) => write(metadata(), (r) => r.identities.removeExpired(NOW, limit));
      expect([await remove(1), await remove(10), await remove(10)]).toEqual([2, 2, 0]);
      for (const [index, one] of kept.entries()) {
        const found = await metadata().identities.pendingSignIn(one.hash);
        expect(found).toEqual(index === 2 ? one : undefined);
      }
      const left = await Promise.all(
        codes.map(({ hash }) => write(metadata(), (r) => r.identities.takeCode(hash))),
      );
      expect(left).toEqual([undefined, undefined, codes[2]]);
    });
  });
}
