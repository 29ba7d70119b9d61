import { afterEach, describe, expect, it } from 'vitest';
import { doctor } from '#core/doctor.ts';
import { OsproxyError } from '#core/errors.ts';
import { FileRecords } from '#core/file-records.ts';
import type { Principal } from '#core/model/principal.ts';
import type { Cache } from '#core/ports/cache.ts';
import type { StorageDriver } from '#core/ports/storage-driver.ts';
import { MemoryCache } from '#drivers/cache/memory.ts';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import { changed, chunksOf, openRig, owner, quiet, type Rig, type RigOptions, some } from './rig.ts';

let rig: Rig;
const open = async (options?: RigOptions) => {
  rig = await openRig(options);
};
afterEach(() => rig.close());

const stranger: Principal = { kind: 'service', keyId: 'z', owner: 'z', scopes: new Set(['read', 'delete']) };
const file = (name = 'n', bytes: Uint8Array = some(100)) =>
  rig.uploads.writeFile({ owner: 'a', name }, chunksOf(bytes));

describe('Files', () => {
  it('do not exist for those who may not see them', async () => {
    await open();
    const { uid } = await file();
    for (const call of [
      () => rig.files.find(stranger, uid),
      () => rig.files.rename(stranger, uid, 'x'),
      () => rig.files.delete(stranger, uid),
      () => rig.files.find(owner, '4711'),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'NotFound' });
    }
    expect((await rig.files.findMany(stranger, [uid])).size).toBe(0);
    expect([...(await rig.files.findMany(owner, [uid, uid, '4711'])).keys()]).toEqual([uid]);
  });

  it('are gone for readers at once when deleted, and deleting again is fine', async () => {
    await open({ cacheMs: 60_000 });
    const { uid } = await file();
    await rig.files.find(owner, uid);
    await Promise.all([rig.files.delete(owner, uid), rig.files.delete(owner, uid)]);
    await rig.files.delete(owner, uid);
    await expect(rig.files.find(owner, uid)).rejects.toMatchObject({ code: 'NotFound' });
    await expect(rig.files.rename(owner, uid, 'x')).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('get their type from content and new name, through the cache', async () => {
    await open({ cacheMs: 60_000 });
    const { uid } = await file('a.bin', Buffer.from('plain words, nothing else\n'));
    await rig.files.find(owner, uid);
    const renamed = await rig.files.rename(owner, uid, 'b.txt');
    expect(renamed).toMatchObject({ name: 'b.txt', contentType: expect.stringMatching(/^text\/plain/) });
    expect((await rig.files.find(owner, uid)).file.name).toBe('b.txt');
  });

  it('come in pages, newest first, without gaps or repeats', async () => {
    await open();
    const uids: string[] = [];
    for (let i = 0; i < 7; i += 1) uids.push((await file()).uid);
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await rig.files.list(owner, { after, limit: 3, namePrefix: undefined });
      seen.push(...page.files.map((one) => one.uid));
      after = page.next;
      if (after === undefined) break;
    }
    expect(seen).toEqual(uids.toReversed());
  });

  it('that were rejected cannot be read, and say why', async () => {
    await open();
    const { uid, manifestId } = await file();
    await rig.metadata.transaction((r) => r.files.markRejected(uid, manifestId, 'its MD5 is wrong.', 1));
    await expect(rig.files.findReadable(owner, uid)).rejects.toMatchObject({
      code: 'Conflict',
      message: expect.stringContaining('its MD5 is wrong.'),
    });
  });
});

describe('FileRecords', () => {
  it('drop what another node changed', async () => {
    await open();
    const { uid } = await file();
    const { metadata, clock } = rig;
    const coordinator = new DatabaseCoordinator({ metadata, clock, logger: quiet });
    const there = new FileRecords({
      metadata,
      cache: new MemoryCache({ maxEntries: 9 }),
      coordinator,
      ttlMs: 60_000,
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await there.find(uid))?.file.name).toBe('n');
    await rig.files.rename(owner, uid, 'other');
    await expect.poll(async () => (await there.find(uid))?.file.name, { timeout: 3000 }).toBe('other');
    there.close();
    await coordinator.close();
  });

  it('never keep what was read before a change', async () => {
    await open();
    const { uid } = await file();
    const { metadata, clock } = rig;
    const coordinator = new DatabaseCoordinator({ metadata, clock, logger: quiet });
    const cache = new MemoryCache({ maxEntries: 9 });
    const records = new FileRecords({ metadata, cache, coordinator, ttlMs: 60_000 });
    const { content } = metadata.files;
    metadata.files.content = async (asked) => {
      const found = await content.call(metadata.files, asked);
      await metadata.transaction((r) => r.files.rename(asked, 'new', 'text/plain', 1));
      await records.changed(asked);
      return found;
    };
    expect((await records.find(uid))?.file.name).toBe('n');
    metadata.files.content = content;
    expect((await records.find(uid))?.file.name).toBe('new');
    records.close();
    await coordinator.close();
  });

  it('work without their cache when it is away', async () => {
    await open();
    const { uid } = await file();
    const { metadata, clock } = rig;
    const away = () => Promise.reject(new OsproxyError('Unavailable', 'The cache is away.'));
    const all = { get: away, set: away, delete: away, forget: away, load: away };
    const cache: Cache = { ...all, close: async () => {} };
    const coordinator = new DatabaseCoordinator({ metadata, clock, logger: quiet });
    const records = new FileRecords({ metadata, cache, coordinator, ttlMs: 60_000 });
    expect((await records.find(uid))?.file.uid).toBe(uid);
    await records.changed(uid);
    records.close();
    await coordinator.close();
  });
});

describe('doctor', () => {
  const run = () => doctor({ metadata: rig.metadata, stores: rig.stores, keys: rig.keys });

  it.each([false, true])('finds everything fine and leaves nothing behind (disk: %s)', async (disk) => {
    await open({ disk });
    const rows = await run();
    expect(rows.filter((row) => !row.ok)).toEqual([]);
    expect(rows.map((row) => row.check)).toContain('store "main" range');
    expect(rows.every((row) => row.fix === '')).toBe(true);
    expect(await rig.keysIn()).toEqual([]);
  });

  const broken: Record<string, (driver: StorageDriver) => Partial<StorageDriver>> = {
    put: () => ({ put: () => Promise.reject(new OsproxyError('PermissionDenied', 'The store refuses.')) }),
    stat: () => ({ stat: async () => ({ size: 1, modifiedAt: new Date() }) }),
    'clock of the store': (driver) => ({
      stat: async (key) => ({ ...(await driver.stat(key)), modifiedAt: new Date(0) }),
    }),
    leftovers: () => ({ sweep: () => Promise.reject(new OsproxyError('Internal', 'The store fails.')) }),
    range: (driver) => ({ open: (key) => driver.open(key) }),
    compose: (driver) => ({
      compose: (key, [first = '']) => driver.compose?.(key, [first]) ?? Promise.reject(),
    }),
    list: () => ({ list: async function* () {} }),
    delete: () => ({ delete: async () => {} }),
  };
  it.each(Object.keys(broken))('says what does not work: %s', async (what) => {
    await open({ wrap: (driver) => changed(driver, broken[what]?.(driver) ?? {}) });
    const wrong = (await run()).filter((row) => !row.ok);
    expect(wrong.map((row) => row.check)).toContain(`store "main" ${what.split(' ')[0]}`);
    expect(wrong.every((row) => row.fix !== '' && row.detail !== '')).toBe(true);
    if (what === 'put') expect(wrong).toHaveLength(1);
    if (what !== 'delete') expect(await rig.keysIn()).toEqual([]);
  });

  it('says when the database cannot be used', async () => {
    await open();
    rig.metadata.ping = () => Promise.reject(new OsproxyError('Unavailable', 'The database is away.'));
    expect((await run())[0]).toMatchObject({ check: 'database', ok: false, detail: 'The database is away.' });
  });
});
