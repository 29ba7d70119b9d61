import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMMAND } from '#core/audit/caller.ts';
import { isOsproxyError, OsproxyError } from '#core/errors.ts';
import { Idempotency } from '#core/idempotency.ts';
import type { NewServiceKey } from '#core/key-rules.ts';
import { LinkSigner } from '#core/link-signer.ts';
import { Links } from '#core/links.ts';
import type { Principal } from '#core/model/principal.ts';
import { ServiceKeys } from '#core/service-keys.ts';
import { chunksOf, lose, md5, openRig, owner, type Rig, sha256, some } from './rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await openRig();
});
afterEach(() => rig.close());

const bytes = some(9000);
const file = (from = 'a') => rig.uploads.writeFile({ owner: from, name: 'n' }, chunksOf(bytes));
const stranger: Principal = {
  kind: 'service',
  keyId: 'z',
  owner: 'z',
  scopes: new Set(['read', 'write', 'links']),
};

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'fine';
  } catch (error) {
    return isOsproxyError(error) ? error.code : String(error);
  }
}

describe('InstantUpload', () => {
  const claim = (from: string, facts: object) => rig.instant.claim({ owner: from, name: 'x.txt', ...facts });

  it('gives a readable file on bytes that are here, to their owner', async () => {
    await file();
    for (const facts of [
      { sha256: sha256(bytes) },
      { md5: md5(bytes) },
      { md5: md5(bytes), size: bytes.length },
    ]) {
      const claimed = await claim('a', facts);
      expect(claimed).toMatchObject({ owner: 'a', verified: true, sha256: sha256(bytes), md5: md5(bytes) });
      expect((await rig.read(claimed?.uid ?? '')).equals(bytes)).toBe(true);
    }
    expect(await rig.keysIn()).toHaveLength(1);
  });

  it('answers a stranger like nobody had the bytes, unless the whole installation shares', async () => {
    await file();
    expect(await claim('b', { sha256: sha256(bytes) })).toBeUndefined();
    await rig.close();
    rig = await openRig({ scope: 'installation' });
    await file();
    expect(await claim('b', { sha256: sha256(bytes) })).toMatchObject({ owner: 'b' });
  });

  it('has no answer for another size, no digest, a deleted file or bytes that went missing', async () => {
    const { uid } = await file();
    expect(await claim('a', { sha256: sha256(bytes), size: 1 })).toBeUndefined();
    expect(await claim('a', {})).toBeUndefined();
    expect(await codeOf(claim('a', { sha256: sha256(bytes), name: '' }))).toBe('InvalidArgument');
    const blob = (await rig.blobs())[0];
    for (const placement of blob?.placements ?? []) await lose(rig, placement);
    expect(await claim('a', { sha256: sha256(bytes) })).toBeUndefined();
    await file();
    expect(await claim('a', { sha256: sha256(bytes) })).toBeDefined();
    for (const one of await rig.metadata.files.list({
      owner: 'a',
      after: undefined,
      limit: 9,
      namePrefix: undefined,
    }))
      await rig.files.delete(owner, one.uid);
    await rig.files.delete(owner, uid);
    expect(await claim('a', { sha256: sha256(bytes) })).toBeUndefined();
  });

  it('does not repeat a digest that it was only told', async () => {
    await rig.close();
    rig = await openRig({ md5: 'declared' });
    await file();
    const claimed = await claim('a', { sha256: sha256(bytes), md5: 'f'.repeat(32) });
    expect(claimed).toMatchObject({ verified: true, md5: undefined });
  });

  it('wants an upload where the MD5 is known to be another', async () => {
    await file();
    expect(await claim('a', { sha256: sha256(bytes), md5: 'f'.repeat(32) })).toBeUndefined();
    expect(await claim('a', { sha256: sha256(bytes), md5: md5(bytes) })).toBeDefined();
  });

  it('finds the good one of several manifests of a content, whichever is broken', async () => {
    await file();
    const { uid } = await rig.uploads.create({ owner: 'a', name: 'n' });
    for (const [i, part] of [bytes.subarray(0, 4000), bytes.subarray(4000)].entries())
      await rig.uploads.writePart(uid, i + 1, chunksOf(part), {});
    const blobs = await rig.blobs();
    const whole = blobs.find((blob) => blob.size === bytes.length);
    // A whole that cannot be read is no twin, so that verification leaves a second manifest of the same content.
    for (const placement of whole?.placements ?? []) await lose(rig, placement);
    const completed = await rig.uploads.complete(uid);
    const manifestId = (await rig.metadata.files.content(uid))?.file.manifestId;
    const digests = { sha256: sha256(bytes), md5: md5(bytes), sha1: undefined };
    await rig.metadata.transaction((r) =>
      r.files.markVerified(completed.uid, manifestId ?? '', digests, rig.clock.now()),
    );
    const first = await claim('a', { sha256: sha256(bytes) });
    expect((await rig.read(first?.uid ?? '')).equals(bytes)).toBe(true);
    const again = await file();
    for (const placement of blobs.find((blob) => blob.size === 4000)?.placements ?? [])
      await lose(rig, placement);
    const later = await rig.uploads.writeFile({ owner: 'a', name: 'n' }, chunksOf(bytes));
    const second = await claim('a', { sha256: sha256(bytes) });
    expect(second?.manifestId).toBe(later.manifestId);
    expect((await rig.read(second?.uid ?? '')).equals(bytes)).toBe(true);
    expect(again.manifestId).toBe(manifestId);
  });
});

describe('Idempotency', () => {
  const create = (key: string | undefined, request: object) =>
    new Idempotency(rig.metadata, rig.clock).once('a', key, request, async (remember) => {
      return (await rig.uploads.create({ owner: 'a', name: 'n' }, remember)).uid;
    });

  it('creates once per key, however often and at the same time it is asked', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => create('key', { a: 1 })));
    expect(new Set(answers.map((one) => one.uid)).size).toBe(1);
    expect(answers.filter((one) => !one.repeated)).toHaveLength(1);
    const again = await create('key', { a: 1 });
    expect(again).toEqual({ uid: answers[0]?.uid, repeated: true });
  });

  it('also where bytes come with the request: one file, one object', async () => {
    const idempotency = new Idempotency(rig.metadata, rig.clock);
    const write = () =>
      idempotency.once('a', 'key', {}, async (remember) => {
        const wanted = { owner: 'a', name: 'n' };
        return (await rig.uploads.writeFile(wanted, chunksOf(bytes), undefined, remember)).uid;
      });
    const answers = await Promise.all(Array.from({ length: 8 }, write));
    expect(new Set(answers.map((one) => one.uid)).size).toBe(1);
    const files = await rig.metadata.files.list({
      owner: 'a',
      after: undefined,
      limit: 9,
      namePrefix: undefined,
    });
    expect(files).toHaveLength(1);
    expect(await rig.keysIn()).toHaveLength(1);
    expect((await rig.read(answers[0]?.uid ?? '')).equals(bytes)).toBe(true);
  });

  it('refuses a key that came with another request, and malformed keys; no key just creates', async () => {
    await create('key', { a: 1 });
    expect(await codeOf(create('key', { a: 2 }))).toBe('Conflict');
    for (const key of ['', 'a b', 'é', 'x'.repeat(256), 'a\n']) {
      expect(await codeOf(create(key, {}))).toBe('InvalidArgument');
    }
    expect((await create(undefined, {})).uid).not.toBe((await create(undefined, {})).uid);
  });

  it('remembers nothing of a creation that failed', async () => {
    const idempotency = new Idempotency(rig.metadata, rig.clock);
    const failing = idempotency.once('a', 'key', {}, async (remember) => {
      await rig.metadata.transaction(async (r) => {
        await remember?.(r, '77');
        throw new OsproxyError('QuotaExceeded', 'full');
      });
      return '77';
    });
    expect(await codeOf(failing)).toBe('QuotaExceeded');
    expect((await create('key', {})).repeated).toBe(false);
  });
});

describe('Links', () => {
  const signer = new LinkSigner([{ id: 'k', secret: 's'.repeat(32) }]);
  const links = () => new Links({ ...rig, signer, maxExpireSeconds: 3600 });
  const read = { scope: 'read', expiresInSeconds: 60, disposition: 'inline' } as const;

  it('opens exactly its uid, until it ends or is revoked', async () => {
    const { uid } = await file();
    const { link, token } = await links().create(owner, { ...read, uid });
    expect(await links().authenticate(token)).toEqual({
      kind: 'link',
      linkId: link.id,
      uid,
      scope: 'read',
      disposition: 'inline',
    });
    expect(links().tokenOf(link)).toBe(token);
    const other = await links().create(owner, { ...read, uid });
    await links().revoke(uid, link.id, COMMAND);
    await links().revoke(uid, link.id, COMMAND);
    expect(await codeOf(links().authenticate(token))).toBe('Expired');
    expect((await links().list(uid)).map((one) => one.id)).toEqual([other.link.id]);
    rig.clock.offset += 60_001;
    expect(await codeOf(links().authenticate(other.token))).toBe('Expired');
    expect(await codeOf(links().revoke('1', link.id, COMMAND))).toBe('NotFound');
  });

  it('are revoked all together: stored ones of file or upload, and signed ones by the epoch', async () => {
    await rig.close();
    rig = await openRig({ cacheMs: 60_000 });
    const { uid } = await file();
    const tokens: string[] = [];
    for (let i = 0; i < 3; i += 1) tokens.push((await links().create(owner, { ...read, uid })).token);
    const { linkEpoch } = (await rig.files.find(owner, uid)).file;
    for (const [principal, wanted] of [
      [stranger, uid],
      [owner, '4711'],
    ] as const)
      expect(await codeOf(links().revokeAll(principal, wanted, COMMAND))).toBe('NotFound');
    expect(await links().list(uid)).toHaveLength(3);
    await links().revokeAll(owner, uid, COMMAND);
    await links().revokeAll(owner, uid, COMMAND);
    for (const token of tokens) expect(await codeOf(links().authenticate(token))).toBe('Expired');
    expect((await rig.files.find(owner, uid)).file.linkEpoch).toBe(linkEpoch + 2);
    const upload = await rig.uploads.create({ owner: 'a', name: 'n' });
    const write = await links().create(owner, { ...read, uid: upload.uid, scope: 'write' });
    expect(await codeOf(links().revokeAll(stranger, upload.uid, COMMAND))).toBe('NotFound');
    expect(await codeOf(links().authenticate(write.token))).toBe('fine');
    await links().revokeAll(owner, upload.uid, COMMAND);
    expect(await codeOf(links().authenticate(write.token))).toBe('Expired');
    await rig.files.delete(owner, uid);
    expect(await codeOf(links().revokeAll(owner, uid, COMMAND))).toBe('NotFound');
  });

  it('accepts no token that was changed in any character', async () => {
    const { uid } = await file();
    const { token } = await links().create(owner, { ...read, uid });
    for (let i = 0; i < token.length; i += 1) {
      const changed = token.slice(0, i) + (token[i] === 'A' ? 'B' : 'A') + token.slice(i + 1);
      expect(await codeOf(links().authenticate(changed))).toBe('Unauthenticated');
    }
    for (const wrong of ['', '.', token.slice(0, 22), `${token}A`, `x${token}`]) {
      expect(await codeOf(links().authenticate(wrong))).toBe('Unauthenticated');
    }
  });

  it('counts uses exactly when they race', async () => {
    const { uid } = await file();
    const { token } = await links().create(owner, { ...read, uid, maxUses: 5 });
    const principal = await links().authenticate(token);
    const uses = await Promise.all(Array.from({ length: 30 }, () => codeOf(links().use(principal))));
    expect(uses.filter((one) => one === 'fine')).toHaveLength(5);
    expect(uses.filter((one) => one === 'Expired')).toHaveLength(25);
    expect(await codeOf(links().authenticate(token))).toBe('Expired');
  });

  it('a link without a limit can be used at will, but not once it is revoked', async () => {
    const { uid } = await file();
    const { link, token } = await links().create(owner, { ...read, uid });
    const principal = await links().authenticate(token);
    for (let i = 0; i < 5; i += 1) await links().use(principal);
    await links().revoke(uid, link.id, COMMAND);
    expect(await codeOf(links().use(principal))).toBe('Expired');
  });

  it('is made for visible things only, with sane limits', async () => {
    const { uid } = await file();
    const upload = await rig.uploads.create({ owner: 'a', name: 'n' });
    const make = (principal: Principal, wanted: object) =>
      codeOf(links().create(principal, { ...read, uid, ...wanted }));
    expect(await make(stranger, {})).toBe('NotFound');
    expect(await make(owner, { uid: '4711' })).toBe('NotFound');
    expect(await make(owner, { uid: upload.uid })).toBe('NotFound');
    expect(await make(owner, { uid: upload.uid, scope: 'write' })).toBe('fine');
    expect(await make(owner, { scope: 'write' })).toBe('NotFound');
    await rig.uploads.abort(upload.uid);
    expect(await make(owner, { uid: upload.uid, scope: 'write' })).toBe('NotFound');
    for (const wrong of [{ expiresInSeconds: 0 }, { expiresInSeconds: 3601 }, { expiresInSeconds: 1.5 }])
      expect(await make(owner, wrong)).toBe('InvalidArgument');
    for (const maxUses of [0, -1, 1.5, 1_000_001])
      expect(await make(owner, { maxUses })).toBe('InvalidArgument');
    expect(await make(owner, { uid: '01' })).toBe('InvalidArgument');
  });
});

describe('ServiceKeys', () => {
  const keys = (configured?: string) =>
    new ServiceKeys({ ...rig, stores: ['main', 'other'], configuredKey: configured });
  const wanted: NewServiceKey = { name: 'billing', owner: 'a', scopes: ['write', 'read'] };

  it('lets in who shows the secret, with the scopes of the key and nothing more', async () => {
    const { key, secret } = await keys().create(wanted, COMMAND);
    const principal = await keys().authenticate(secret);
    expect(principal).toMatchObject({ kind: 'service', keyId: key.id, owner: 'a' });
    expect([...principal.scopes]).toEqual(['read', 'write']);
    expect(JSON.stringify(await keys().list())).not.toContain(secret.slice(-43));
  });

  it('says the same of every wrong secret', async () => {
    const { secret } = await keys().create(wanted, COMMAND);
    const swapped = secret.slice(0, -1) + (secret.endsWith('A') ? 'B' : 'A');
    const messages = new Set<string>();
    for (const wrong of [
      '',
      'osp_',
      swapped,
      secret.slice(1),
      `${secret}x`,
      secret.toUpperCase(),
      'a'.repeat(10_000),
    ]) {
      await keys('the configured one')
        .authenticate(wrong)
        .then(
          () => messages.add(`let in: ${wrong}`),
          (error: Error) => messages.add(error.message),
        );
    }
    expect([...messages]).toEqual(['The service key is unknown, expired or revoked.']);
    expect((await keys('the configured one').authenticate('the configured one')).owner).toBe('default');
  });

  it('is over at its time, and two seconds after it was revoked on another node at the latest, used or not', async () => {
    const [here, there] = [keys(), keys()];
    const { key, secret } = await here.create({ ...wanted, expiresAt: rig.clock.now() + 100_000 }, COMMAND);
    await there.authenticate(secret);
    await here.revoke(key.id, COMMAND);
    expect(await codeOf(here.authenticate(secret))).toBe('Unauthenticated');
    rig.clock.offset += 1500;
    await codeOf(there.authenticate(secret));
    rig.clock.offset += 501;
    expect(await codeOf(there.authenticate(secret))).toBe('Unauthenticated');
    expect(await codeOf(here.revoke('nobody', COMMAND))).toBe('NotFound');
    const other = await here.create({ ...wanted, expiresAt: rig.clock.now() + 1000 }, COMMAND);
    await here.authenticate(other.secret);
    rig.clock.offset += 1001;
    expect(await codeOf(here.authenticate(other.secret))).toBe('Unauthenticated');
  });

  it('a use just before its look-up ends does not prolong a revoked key', async () => {
    const [here, there] = [keys(), keys()];
    const { key, secret } = await here.create(wanted, COMMAND);
    await there.authenticate(secret);
    await rig.metadata.transaction(async () => {});
    rig.clock.offset += 58_500;
    await there.authenticate(secret);
    await here.revoke(key.id, COMMAND);
    rig.clock.offset += 1600;
    // The last use is a minute ago now, so this one is written down.
    await codeOf(there.authenticate(secret));
    rig.clock.offset += 500;
    expect(await codeOf(there.authenticate(secret))).toBe('Unauthenticated');
  });

  it('keeps the last use to the minute', async () => {
    const { key, secret } = await keys().create(wanted, COMMAND);
    const using = keys();
    for (let i = 0; i < 3; i += 1) await using.authenticate(secret);
    await rig.metadata.transaction(async () => {});
    expect((await rig.metadata.keys.find(key.id))?.lastUsedAt).toBeGreaterThan(0);
  });

  it.each([
    { name: '' },
    { name: 'x'.repeat(101) },
    { owner: '' },
    { owner: 'a b' },
    { owner: 'x'.repeat(65) },
    { scopes: [] },
    { scopes: ['root' as 'read'] },
    { expiresAt: 1 },
    { expiresAt: Number.NaN },
  ])('refuses %j', async (wrong) => {
    expect(await codeOf(keys().create({ ...wanted, ...wrong }, COMMAND))).toBe('InvalidArgument');
  });
});
