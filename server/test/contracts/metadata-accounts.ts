import { describe, expect, it } from 'vitest';
import type { RefreshToken, Session } from '#core/model/session.ts';
import type { User } from '#core/model/user.ts';
import type { Metadata, MetadataWriter } from '#core/ports/metadata.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, sha256Of, write } from './metadata-samples.ts';

export function sampleUser(values: Partial<User> = {}): User {
  const { id = newId() } = values;
  return {
    ...{
      id,
      name: `user-${id}`,
      email: `${id}@example.com`,
      emailVerifiedAt: undefined,
      displayName: '用户 One',
    },
    ...{ role: 'member', state: 'active', groupId: undefined, quotaBytes: undefined, authEpoch: 0 },
    ...{ createdAt: NOW, updatedAt: NOW, lastSignInAt: undefined },
    ...values,
  };
}

/** Somebody with this id, where there is nobody yet. */
export async function putUser(metadata: Metadata, id: string): Promise<void> {
  await write(metadata, async ({ users }) => {
    if ((await users.lock(id)) === undefined) await users.insert(sampleUser({ id }), undefined);
  });
}

export function sampleSession(values: Partial<Session> = {}): Session {
  return {
    ...{
      id: newId(),
      userId: newId(),
      how: 'password',
      createdAt: NOW,
      lastSeenAt: NOW,
      expiresAt: NOW + 1000,
    },
    ...{ endedAt: undefined, address: '192.0.2.1', agent: 'curl/8' },
    ...values,
  };
}

export function sampleRefreshToken(values: Partial<RefreshToken> = {}): RefreshToken {
  return {
    ...{
      hash: sha256Of(newId()),
      sessionId: newId(),
      expiresAt: NOW + 1000,
      usedAt: undefined,
      nonce: undefined,
    },
    ...values,
  };
}

export function accountsContract({ metadata, openAnother }: Fixture): void {
  const insertUser = async (values: Partial<User> = {}, password?: string) => {
    const user = sampleUser(values);
    await write(metadata(), ({ users }) => users.insert(user, password));
    return user;
  };
  const insertSession = async (values: Partial<Session> = {}) => {
    const session = sampleSession(values);
    await write(metadata(), ({ sessions }) => sessions.insert(session));
    return session;
  };

  describe('users', () => {
    it('keeps every field and finds by id, name and e-mail address', async () => {
      expect(await metadata().users.any()).toBe(false);
      const plain = await insertUser({ email: undefined });
      const full = await insertUser({
        ...{
          name: 'Ånna',
          email: 'Anna@Example.com',
          emailVerifiedAt: NOW,
          role: 'admin',
          state: 'disabled',
        },
        ...{ groupId: newId(), quotaBytes: 2 ** 50, authEpoch: 3, lastSignInAt: NOW + 5 },
      });
      const { users } = metadata();
      expect(await users.any()).toBe(true);
      expect(await users.find(plain.id)).toEqual(plain);
      expect(await users.find(full.id)).toEqual(full);
      expect(await users.findByName('ånna')).toEqual(full);
      expect(await users.findByEmail('anna@example.com')).toEqual(full);
      expect(await users.findByName('anna')).toBeUndefined();
      expect(await users.find(newId())).toBeUndefined();
      const many = await users.findMany([plain.id, full.id, newId()]);
      expect(many.map(({ id }) => id).sort()).toEqual([plain.id, full.id].sort());
      expect(await users.findMany([])).toEqual([]);
    });

    it('refuses a name and an e-mail address that are taken, whatever their case', async () => {
      const first = await insertUser({ name: 'Bob', email: 'bob@example.com' });
      const taken = { code: 'AlreadyExists' };
      await expect(insertUser({ name: 'bOB' })).rejects.toMatchObject(taken);
      await expect(insertUser({ email: 'BOB@example.com' })).rejects.toMatchObject(taken);
      const other = await insertUser();
      const rename = write(metadata(), ({ users }) => users.update({ ...other, name: 'BOB' }));
      await expect(rename).rejects.toMatchObject(taken);
      // Those without an address do not stand in each other's way.
      await insertUser({ email: undefined });
      await insertUser({ email: undefined });
      expect(await metadata().users.find(first.id)).toEqual(first);
    });

    it('keeps the password apart', async () => {
      const user = await insertUser({}, 'kept');
      const without = await insertUser();
      expect(await metadata().users.password(user.id)).toBe('kept');
      expect(await metadata().users.password(without.id)).toBeUndefined();
      await write(metadata(), async ({ users }) => {
        await users.setPassword(user.id, 'other', NOW + 1);
        expect(await users.password(user.id)).toBe('other');
        await users.setPassword(user.id, undefined, NOW + 2);
      });
      expect(await metadata().users.password(user.id)).toBeUndefined();
      expect(await metadata().users.find(user.id)).toEqual({ ...user, updatedAt: NOW + 2 });
    });

    it('writes changes, notes who signed in, and removes', async () => {
      const user = await insertUser();
      const changed: User = {
        ...{ ...user, name: 'new', email: undefined, displayName: 'New', role: 'admin', authEpoch: 2 },
        ...{ groupId: newId(), quotaBytes: 0, updatedAt: NOW + 7 },
      };
      await write(metadata(), async ({ users }) => {
        expect(await users.lock(user.id)).toEqual(user);
        await users.update(changed);
        expect(await users.signedIn(user.id, NOW + 9)).toBe(true);
      });
      expect(await metadata().users.find(user.id)).toEqual({ ...changed, lastSignInAt: NOW + 9 });
      await write(metadata(), async ({ users }) => {
        await users.update({ ...changed, state: 'disabled' });
        expect(await users.signedIn(user.id, NOW + 10)).toBe(false);
        expect(await users.remove(user.id)).toBe(true);
        expect(await users.remove(user.id)).toBe(false);
        expect(await users.lock(user.id)).toBeUndefined();
      });
    });

    it('lists by id, by the beginning of the name, by group, and the administrators', async () => {
      const groupId = newId();
      const names = ['ab-c', 'ab_d', 'abe', 'b'];
      const made: User[] = [];
      for (const name of names) made.push(await insertUser({ name, groupId, role: 'admin' }));
      const gone = await insertUser({ role: 'admin', state: 'disabled' });
      const { users } = metadata();
      expect(await users.list(undefined, 2)).toEqual(made.slice(0, 2));
      expect(await users.list(made[1]?.id, 10)).toEqual([...made.slice(2), gone]);
      expect((await users.startingWith('ab', 10)).map(({ name }) => name)).toEqual(['ab-c', 'ab_d', 'abe']);
      expect(await users.startingWith('ab_', 10)).toHaveLength(1);
      expect(await users.startingWith('ab', 2)).toHaveLength(2);
      expect(await users.ofGroup(groupId, made[0]?.id, 2)).toEqual(made.slice(1, 3));
      expect(await users.ofGroup(newId(), undefined, 2)).toEqual([]);
      expect(await users.admins(10)).toEqual(made);
    });
  });

  describe('sessions', () => {
    it('keeps every field, and says how session and user stand', async () => {
      const user = await insertUser({ role: 'admin', authEpoch: 4 });
      const session = await insertSession({ userId: user.id });
      const bare = await insertSession({ address: undefined, agent: undefined, endedAt: NOW });
      const { sessions } = metadata();
      expect(await sessions.find(session.id)).toEqual(session);
      expect(await sessions.find(bare.id)).toEqual(bare);
      expect(await sessions.state(session.id)).toEqual({
        ...{ userId: user.id, expiresAt: session.expiresAt, endedAt: undefined },
        ...{ role: 'admin', state: 'active', authEpoch: 4 },
      });
      // Its user is gone.
      expect(await sessions.state(bare.id)).toBeUndefined();
    });

    it('lists those of a user that go on, newest first', async () => {
      const userId = newId();
      const old = await insertSession({ userId });
      const young = await insertSession({ userId });
      await insertSession({ userId, endedAt: NOW });
      await insertSession({ userId, expiresAt: NOW });
      await insertSession();
      expect(await metadata().sessions.ofUser(userId, NOW, 10)).toEqual([young, old]);
      expect(await metadata().sessions.ofUser(userId, NOW, 1)).toEqual([young]);
    });

    it('goes on and ends, once', async () => {
      const session = await insertSession();
      const { id, userId } = session;
      const from = { address: '192.0.2.9', agent: undefined };
      await write(metadata(), async ({ sessions }) => {
        expect(await sessions.goOn(id, NOW + 1, NOW + 5000, from)).toBe(true);
        expect(await sessions.end(newId(), id, NOW + 2)).toBe(false);
        expect(await sessions.end(userId, id, NOW + 2)).toBe(true);
        expect(await sessions.end(userId, id, NOW + 3)).toBe(false);
        expect(await sessions.goOn(id, NOW + 4, NOW + 9000, from)).toBe(false);
      });
      expect(await metadata().sessions.find(id)).toEqual({
        ...session,
        ...{ ...from, lastSeenAt: NOW + 1, expiresAt: NOW + 5000, endedAt: NOW + 2 },
      });
    });

    it('ends all of a user, but for one', async () => {
      const userId = newId();
      const [one, two] = [await insertSession({ userId }), await insertSession({ userId })];
      const before = await insertSession({ userId, endedAt: NOW - 1 });
      const other = await insertSession();
      const endAll = (except?: string) =>
        write(metadata(), ({ sessions }) => sessions.endAll(userId, NOW, except));
      expect(await endAll(two.id)).toBe(1);
      expect((await metadata().sessions.find(one.id))?.endedAt).toBe(NOW);
      expect((await metadata().sessions.find(two.id))?.endedAt).toBeUndefined();
      expect(await endAll()).toBe(1);
      expect((await metadata().sessions.find(before.id))?.endedAt).toBe(NOW - 1);
      expect((await metadata().sessions.find(other.id))?.endedAt).toBeUndefined();
    });

    it('removes what is over and what belongs to a user, with the tokens', async () => {
      const over = await insertSession({ expiresAt: NOW });
      const kept = await insertSession({ expiresAt: NOW + 1 });
      const tokens = [
        sampleRefreshToken({ sessionId: over.id }),
        sampleRefreshToken({ sessionId: kept.id, expiresAt: NOW }),
        sampleRefreshToken({ sessionId: kept.id }),
      ];
      await write(metadata(), async ({ sessions }) => {
        for (const token of tokens) await sessions.insertToken(token);
      });
      const left = () =>
        write(metadata(), async ({ sessions }) => {
          const found: boolean[] = [];
          for (const { hash } of tokens) found.push((await sessions.lockToken(hash)) !== undefined);
          return found;
        });
      expect(await write(metadata(), ({ sessions }) => sessions.removeOld(NOW, 10))).toBe(2);
      expect(await metadata().sessions.find(over.id)).toBeUndefined();
      expect(await metadata().sessions.find(kept.id)).toEqual(kept);
      expect(await left()).toEqual([false, false, true]);
      await write(metadata(), ({ sessions }) => sessions.removeOfUser(kept.userId));
      expect(await metadata().sessions.find(kept.id)).toBeUndefined();
      expect(await left()).toEqual([false, false, false]);
    });

    it('gives a refresh token to one user after the other', async () => {
      const other = await openAnother();
      const token = sampleRefreshToken();
      await write(metadata(), ({ sessions }) => sessions.insertToken(token));
      const use = (nonce: string) => async (r: MetadataWriter) => {
        const found = await r.sessions.lockToken(token.hash);
        if (found?.usedAt !== undefined) return false;
        await r.sessions.useToken(token.hash, NOW, nonce);
        return true;
      };
      const uses = [use('a'), use('b'), use('c'), use('d')];
      const outcomes = await Promise.all(
        uses.map((one, index) => write(index % 2 === 0 ? metadata() : other, one)),
      );
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      const kept = await write(metadata(), ({ sessions }) => sessions.lockToken(token.hash));
      expect(kept).toEqual({ ...token, usedAt: NOW, nonce: 'abcd'[outcomes.indexOf(true)] });
    });
  });
}
