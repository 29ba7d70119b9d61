import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMMAND } from '#core/audit/caller.ts';
import { isOsproxyError } from '#core/errors.ts';
import type { NewServiceKey } from '#core/key-rules.ts';
import { ServiceKeys } from '#core/service-keys.ts';
import { openRig, type Rig } from './rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await openRig();
});
afterEach(() => rig.close());

const WANTED: NewServiceKey = { name: 'billing', owner: 'a', scopes: ['write', 'read'] };
const DAY = 86_400;

function keys(): ServiceKeys {
  return new ServiceKeys({ ...rig, stores: ['main', 'other'], configuredKey: undefined });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'fine',
    (error: unknown) => (isOsproxyError(error) ? error.code : String(error)),
  );
}

async function audited(subject: string): Promise<string[]> {
  const found = await rig.metadata.audit.list({ subject }, undefined, 100);
  return found.map(({ action }) => action);
}

describe('limits', () => {
  it('are told to whoever shows the key', async () => {
    const { secret } = await keys().create({ ...WANTED, store: 'other', namePrefix: 'in/' }, COMMAND);
    expect(await keys().authenticate(secret)).toMatchObject({
      store: 'other',
      namePrefix: 'in/',
      name: 'billing',
    });
    const plain = await keys().authenticate((await keys().create(WANTED, COMMAND)).secret);
    expect('store' in plain || 'namePrefix' in plain).toBe(false);
  });

  it.each([
    { store: 'gone' },
    { store: '' },
    { namePrefix: '' },
    { namePrefix: 'a\nb' },
    { namePrefix: '\ud800' },
    { namePrefix: 'x'.repeat(256) },
    { namePrefix: 'in/', scopes: ['read', 'admin'] as const },
    { store: 'main', scopes: ['admin'] as const },
  ])('refuses %j', async (wrong) => {
    expect(await codeOf(keys().create({ ...WANTED, ...wrong }, COMMAND))).toBe('InvalidArgument');
  });
});

describe('rotation', () => {
  it('leaves the old secret good for a while, and says whether it is still used', async () => {
    const { key, secret } = await keys().create(WANTED, COMMAND);
    const rotated = await keys().rotate(key.id, DAY, COMMAND);
    expect(rotated.secret).not.toBe(secret);
    expect(rotated.key.id).toBe(key.id);
    const using = keys();
    expect(await using.authenticate(rotated.secret, '10.0.0.1')).toMatchObject({ keyId: key.id });
    await rig.metadata.transaction(async () => {});
    expect((await using.find(key.id)).former?.lastUsedAt).toBeUndefined();
    expect(await using.authenticate(secret, '10.0.0.2')).toMatchObject({ keyId: key.id });
    await rig.metadata.transaction(async () => {});
    expect((await using.find(key.id)).former?.lastUsedAt).toBeGreaterThan(0);
    rig.clock.offset += DAY * 1000 + 1;
    expect(await codeOf(using.authenticate(secret))).toBe('Unauthenticated');
    expect(await codeOf(using.authenticate(rotated.secret))).toBe('fine');
    expect(await audited(key.id)).toEqual(['key.rotated', 'key.created']);
  });

  it('is known at once to another node that remembers the old secret', async () => {
    const [here, there] = [keys(), keys()];
    const { key, secret } = await here.create(WANTED, COMMAND);
    await there.authenticate(secret);
    const rotated = await here.rotate(key.id, DAY, COMMAND);
    expect(await codeOf(there.authenticate(rotated.secret))).toBe('fine');
    expect(await codeOf(there.authenticate(secret))).toBe('fine');
  });

  it('without an overlap ends every earlier secret', async () => {
    const [here, there] = [keys(), keys()];
    const { key, secret } = await here.create(WANTED, COMMAND);
    const second = await here.rotate(key.id, DAY, COMMAND);
    await there.authenticate(secret);
    const third = await here.rotate(key.id, 0, COMMAND);
    for (const old of [secret, second.secret])
      expect(await codeOf(here.authenticate(old))).toBe('Unauthenticated');
    rig.clock.offset += 2001;
    for (const old of [secret, second.secret])
      expect(await codeOf(there.authenticate(old))).toBe('Unauthenticated');
    expect(await codeOf(there.authenticate(third.secret))).toBe('fine');
  });

  it('does not end a secret early that somebody was promised: of many at once one wins', async () => {
    const { key, secret } = await keys().create(WANTED, COMMAND);
    const nodes = Array.from({ length: 8 }, () => keys());
    const results = await Promise.allSettled(nodes.map((node) => node.rotate(key.id, DAY, COMMAND)));
    const won = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value.secret] : []));
    expect(won).toHaveLength(1);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'Conflict' });
    for (const good of [secret, ...won]) expect(await codeOf(keys().authenticate(good))).toBe('fine');
    expect(await audited(key.id)).toEqual(['key.rotated', 'key.created']);
    rig.clock.offset += DAY * 1000 + 1;
    expect(await codeOf(keys().rotate(key.id, DAY, COMMAND))).toBe('fine');
  });

  it('and a revocation at once leave no secret that opens anything', async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      const { key, secret } = await keys().create(WANTED, COMMAND);
      const [rotated] = await Promise.allSettled([
        keys().rotate(key.id, DAY, COMMAND),
        keys().revoke(key.id, COMMAND),
      ]);
      const secrets = rotated.status === 'fulfilled' ? [secret, rotated.value.secret] : [secret];
      for (const one of secrets) expect(await codeOf(keys().authenticate(one))).toBe('Unauthenticated');
    }
  });

  it.each([-1, 1.5, Number.NaN, 2_592_001])('refuses an overlap of %d seconds', async (overlap) => {
    const { key } = await keys().create(WANTED, COMMAND);
    expect(await codeOf(keys().rotate(key.id, overlap, COMMAND))).toBe('InvalidArgument');
  });

  it('is refused for a key that is over, and for none', async () => {
    const revoked = await keys().create(WANTED, COMMAND);
    await keys().revoke(revoked.key.id, COMMAND);
    expect(await codeOf(keys().rotate(revoked.key.id, 0, COMMAND))).toBe('Conflict');
    const expired = await keys().create({ ...WANTED, expiresAt: rig.clock.now() + 1000 }, COMMAND);
    rig.clock.offset += 1001;
    expect(await codeOf(keys().rotate(expired.key.id, 0, COMMAND))).toBe('Conflict');
    expect(await codeOf(keys().rotate('aaaaaaaaaaaa', 0, COMMAND))).toBe('NotFound');
  });
});

it('a key that was made before there were limits and rotation works on', async () => {
  const { key, secret } = await keys().create(WANTED, COMMAND);
  const row = await rig.metadata.keys.find(key.id);
  expect(row).toMatchObject({ store: undefined, namePrefix: undefined, former: undefined });
  expect(await codeOf(keys().authenticate(secret))).toBe('fine');
});

it('is revoked once, with one entry, whoever asks again', async () => {
  const { key } = await keys().create(WANTED, COMMAND);
  await Promise.all(Array.from({ length: 6 }, () => keys().revoke(key.id, COMMAND)));
  expect(await audited(key.id)).toEqual(['key.revoked', 'key.created']);
  const noted = JSON.stringify(await rig.metadata.audit.list({ subject: key.id }, undefined, 10));
  expect(noted).not.toContain(key.secretHash);
  expect(noted).not.toContain('osp_');
});

it('keeps the address of its last use', async () => {
  const { key, secret } = await keys().create(WANTED, COMMAND);
  await keys().authenticate(secret, '2001:db8::7');
  await rig.metadata.transaction(async () => {});
  expect((await keys().find(key.id)).lastUsedFrom).toBe('2001:db8::7');
});
