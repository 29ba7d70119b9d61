import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Identities } from '#core/accounts/identities/identities.ts';
import { Passwords } from '#core/accounts/passwords.ts';
import { SessionStates } from '#core/accounts/session-states.ts';
import { Users } from '#core/accounts/users.ts';
import { AuditLog } from '#core/audit/audit-log.ts';
import type { Caller } from '#core/model/audit.ts';
import type { Coordinator } from '#core/ports/coordinator.ts';
import type { IdentityProvider, ProvenIdentity } from '#core/ports/identity-provider.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { openMetadata } from '#drivers/metadata/index.ts';
import { sampleSession } from '#test/contracts/metadata-accounts.ts';
import { silentLogger } from '#test/silent-logger.ts';

const CALLER: Caller = { actor: { kind: 'nobody' }, origin: { address: '192.0.2.1' } };

let folder: string;
let metadata: Metadata;
let users: Users;
let identities: Identities;
let identitiesOn: (metadata: Metadata) => Identities;
/** What sign-up was asked about. */
let asked: (string | undefined)[];
let isOpen: boolean;
let made: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'osproxy-identities-'));
  metadata = await openMetadata(`sqlite:${join(folder, 'a.db')}`, { logger: silentLogger });
  await metadata.migrate();
  made = 100;
  const ids = { next: () => String(made++) };
  const clock = { now: () => 1_800_000_000_000 };
  const audit = new AuditLog({ metadata, clock, logger: silentLogger });
  const alone = { publish: async () => {}, subscribe: () => () => {} } as unknown as Coordinator;
  const states = new SessionStates(metadata, alone);
  const passwords = new Passwords({ minLength: 8, atOnce: 1, mostWaiting: 8 });
  users = new Users({ metadata, passwords, states, ids, audit, clock });
  const providers = [{ name: 'corp' }, { name: 'qq' }] as unknown as readonly IdentityProvider[];
  asked = [];
  isOpen = true;
  const signUp = {
    admits: (verifiedEmail: string | undefined) => {
      asked.push(verifiedEmail);
      return isOpen;
    },
  };
  identitiesOn = (on) => new Identities({ metadata: on, providers, users, signUp, audit, ids, clock });
  identities = identitiesOn(metadata);
  users.onDeleted(({ id }, repositories) => repositories.identities.removeOfUser(id));
});
afterEach(async () => {
  await metadata.close();
  await rm(folder, { recursive: true, force: true });
});

function proven(values: Partial<ProvenIdentity> = {}): ProvenIdentity {
  return {
    ...{ issuer: 'https://id.example', subject: 's-1', email: 'ada@corp.example', emailVerified: true },
    ...{ name: 'Ada Lovelace', login: 'ada' },
    ...values,
  };
}

const come = (values: Partial<ProvenIdentity> = {}, provider = 'corp') =>
  identities.userFor(provider, proven(values), CALLER);

describe('somebody whom nobody knows', () => {
  test('gets an account, and is the same user ever after', async () => {
    const user = await come();
    expect(user).toMatchObject({ name: 'ada', displayName: 'Ada Lovelace', email: 'ada@corp.example' });
    expect(user).toMatchObject({ role: 'member', emailVerifiedAt: 1_800_000_000_000 });
    expect(await metadata.users.password(user.id)).toBeUndefined();
    const later = { email: 'new@corp.example', name: 'Ada King', login: 'king' };
    expect((await come(later)).id).toBe(user.id);
    expect(await identities.list(user.id)).toMatchObject([
      { provider: 'corp', subject: 's-1', email: 'new@corp.example', name: 'Ada King' },
    ]);
    // What the provider says later changes nothing about the account.
    expect(await users.get(user.id)).toMatchObject({ name: 'ada', email: 'ada@corp.example' });
    expect(asked).toEqual(['ada@corp.example']);
    const audit = await metadata.audit.list({ subject: user.id }, undefined, 10);
    expect(audit.map(({ action }) => action).toSorted()).toEqual(['identity.linked', 'user.created']);
  });

  test('gets none where sign-up is closed, and leaves nothing behind', async () => {
    isOpen = false;
    await expect(come()).rejects.toMatchObject({ code: 'PermissionDenied' });
    expect(await users.any()).toBe(false);
  });

  test('is somebody else under the same subject of another issuer or provider', async () => {
    const ids = [
      (await come()).id,
      (await come({ issuer: 'https://other.example', email: undefined })).id,
      (await come({ email: undefined }, 'qq')).id,
    ];
    expect(new Set(ids).size).toBe(3);
  });

  test('gets no address that the provider has not checked, and none that is no address', async () => {
    const unchecked = await come({ emailVerified: false });
    expect([unchecked.email, unchecked.emailVerifiedAt]).toEqual([undefined, undefined]);
    const odd = await come({ subject: 's-2', email: '"<b>"@corp.example', name: '\u202eevil' });
    expect(odd).toMatchObject({ email: undefined, displayName: odd.name });
    expect(asked).toEqual([undefined, undefined]);
  });

  test('gets a name that is free', async () => {
    const names: string[] = [];
    for (let count = 0; count < 12; count += 1)
      names.push((await come({ subject: `n-${count}`, email: undefined, login: 'Ada' })).name);
    expect(names.slice(0, 9)).toEqual(['Ada', ...[2, 3, 4, 5, 6, 7, 8, 9].map((number) => `Ada-${number}`)]);
    for (const name of names.slice(9)) expect(name).toMatch(/^Ada-\d{1,6}$/);
  });

  test('does not get the account that has the same address, nor a second one', async () => {
    const owner = await users.create({ name: 'owner', email: 'ADA@corp.example', emailIsVerified: true });
    const failure = { code: 'Conflict', details: { reason: 'email-taken' } };
    await expect(come()).rejects.toMatchObject(failure);
    expect(await identities.list(owner.id)).toEqual([]);
    // An address that was not checked says nothing, so that it is not looked at.
    expect((await come({ emailVerified: false })).id).not.toBe(owner.id);
  });

  test('gets one account by coming many times at once', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => come()));
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect((await users.list(undefined, 10)).users).toHaveLength(1);
  });

  test('has gone with the account when it is deleted', async () => {
    const { id } = await come();
    await users.delete(id);
    expect((await come()).id).not.toBe(id);
  });
});

describe('unlinking', () => {
  const last = { code: 'Conflict', details: { reason: 'last-way' } };

  async function linkTo(userId: string, provider: string): Promise<string> {
    const id = String(made++);
    await metadata.transaction((r) =>
      r.identities.insert({
        ...{ id, userId, provider, issuer: 'i', subject: id, email: undefined, name: undefined },
        ...{ linkedAt: 1, lastUsedAt: undefined },
      }),
    );
    return id;
  }

  test('is refused for the last way to sign in', async () => {
    const { id } = await come();
    const [only] = await identities.list(id);
    await expect(identities.unlink(id, only?.id ?? '', CALLER)).rejects.toMatchObject(last);
    const other = await linkTo(id, 'qq');
    await identities.unlink(id, only?.id ?? '', CALLER);
    await expect(identities.unlink(id, other, CALLER)).rejects.toMatchObject(last);
    await users.setPassword(id, 'a long and good one');
    await identities.unlink(id, other, CALLER);
    expect(await identities.list(id)).toEqual([]);
  });

  test('does not count a provider that is not configured any more', async () => {
    const { id } = await come();
    const [only] = await identities.list(id);
    await linkTo(id, 'gone');
    await expect(identities.unlink(id, only?.id ?? '', CALLER)).rejects.toMatchObject(last);
  });

  test('of two at once leaves one', async () => {
    const { id } = await come();
    const [first] = await identities.list(id);
    const second = await linkTo(id, 'qq');
    const done = await Promise.allSettled(
      [first?.id ?? '', second].map((one) => identities.unlink(id, one, CALLER)),
    );
    expect(done.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await identities.list(id)).toHaveLength(1);
  });

  test('is for the own identities', async () => {
    const [one, other] = [await come(), await come({ subject: 's-2', email: undefined })];
    const [identity] = await identities.list(other.id);
    await expect(identities.unlink(one.id, identity?.id ?? '', CALLER)).rejects.toMatchObject({
      code: 'NotFound',
    });
  });
});

test('linking is refused where the session ends just before it', async () => {
  const user = await come();
  const session = sampleSession({ userId: user.id, expiresAt: 1_800_000_000_001 });
  await metadata.transaction((r) => r.sessions.insert(session));
  const { id: sessionId } = session;
  const late = identitiesOn(
    new Proxy(metadata, {
      get: (target, key) => {
        if (key !== 'transaction') return Reflect.get(target, key) as unknown;
        return async (work: Parameters<Metadata['transaction']>[0]) => {
          await target.transaction((r) => r.sessions.end(user.id, sessionId, 1_800_000_000_000));
          return target.transaction(work);
        };
      },
    }),
  );
  const linking = { userId: user.id, sessionId };
  await expect(late.link('corp', proven({ subject: 's-2' }), linking, CALLER)).rejects.toMatchObject({
    code: 'Unauthenticated',
  });
  expect(await identities.list(user.id)).toHaveLength(1);
});
