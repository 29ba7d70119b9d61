import { afterEach, describe, expect, it } from 'vitest';
import { newFileEntry, newFolder } from '#core/drive/new-entry.ts';
import type { FsckOptions } from '#core/fsck.ts';
import type { DriveJob, Entry } from '#core/model/entry.ts';
import { driveRig, USER } from './drive-rig.ts';
import { chunksOf, openRig, type Rig, some } from './rig.ts';

let rig: Rig;
let drive: Awaited<ReturnType<typeof driveRig>>;
const open = async () => {
  rig = await openRig({ graceMs: -1000 });
  drive = await driveRig(rig);
};
afterEach(() => rig.close());

const BYTES = 10;
const OWNER = `~${USER}`;
const fileOf = () => rig.uploads.writeFile({ owner: OWNER, name: 'n' }, chunksOf(some(BYTES)));

/** A file with a content of its own, counted as one is. */
async function put(name: string, parentId = drive.root, values: Partial<Entry> = {}): Promise<Entry> {
  const file = await fileOf();
  const named = { id: rig.ids.next(), userId: USER, parentId, name };
  const entry: Entry = { ...newFileEntry(named, file, 1), ...values };
  await rig.metadata.transaction(async (r) => {
    await r.entries.insert(entry);
    await r.drives.grow(USER, { used: BYTES, files: 1 });
  });
  return entry;
}

const seen = ({ findings }: Awaited<ReturnType<Rig['fsck']>>) =>
  findings.map(({ kind, subject }) => [kind, subject]).sort();

/** Said twice, put right once, and then gone. */
async function mends(...wanted: readonly (readonly string[])[]): Promise<void> {
  const expected = wanted.toSorted();
  expect(seen(await rig.fsck())).toEqual(expected);
  const repaired = await rig.fsck({ repair: true });
  expect(seen(repaired)).toEqual(expected);
  expect(repaired.findings.every((one) => one.repaired)).toBe(true);
  expect((await rig.fsck({ repair: true })).findings).toEqual([]);
}

async function runJobs(): Promise<void> {
  for (const { id } of await rig.metadata.drives.unfinishedJobs(100)) await drive.run(id);
}

const end = (job: Partial<DriveJob>): DriveJob => ({
  ...{ id: rig.ids.next(), userId: USER, kind: 'copy', state: 'failed', error: 'e', sourceId: undefined },
  ...{ parentId: undefined, name: undefined, conflict: undefined, stagingId: undefined, reserved: 0 },
  ...{ done: 0, total: undefined, createdAt: 1, endedAt: 2, ...job },
});

describe('fsck of drives', () => {
  it('finds nothing in what is as it should be, in the trash and in the hands of tasks too', async () => {
    await open();
    const { id } = await drive.folder('a');
    await put('f', id);
    await drive.structure.trash(USER, (await put('away')).id);
    await drive.structure.trash(USER, id);
    const large = await drive.folder('large');
    for (let n = 0; n < 12; n += 1) await put(`${n}`, large.id);
    await drive.structure.trash(USER, large.id);
    await drive.trash.remove(USER, large.id);
    expect(await rig.metadata.drives.unfinishedJobs(10)).toHaveLength(1);
    const { findings, summary } = await rig.fsck({ repair: true });
    expect(findings).toEqual([]);
    expect(summary).toMatchObject({ drives: 1, files: 14 });
    await runJobs();
    expect(await rig.metadata.drives.find(USER)).toMatchObject({ usedBytes: 2 * BYTES, files: 2 });
    expect((await rig.fsck()).findings).toEqual([]);
  });

  it('counts again, and forgets what uploads that are over have reserved', async () => {
    await open();
    await put('f');
    const over = { uid: rig.ids.next(), userId: USER, parentId: drive.root, name: 'n', size: 5 };
    await rig.metadata.transaction(async (r) => {
      await r.drives.insertUpload({ ...over, conflict: 'fail', createdAt: 1 });
      await r.drives.grow(USER, { used: -3, reserved: 5, files: 2 });
    });
    const { findings } = await rig.fsck();
    expect(findings).toMatchObject([
      {
        kind: 'drive-miscounted',
        message: `The drive of user ${USER} counts 7 bytes in 3 files and 5 reserved, and has 10 bytes in 1 files and 0 reserved.`,
      },
    ]);
    await mends(['drive-miscounted', USER]);
    expect(await rig.metadata.drives.find(USER)).toMatchObject({ usedBytes: 10, reservedBytes: 0, files: 1 });
    expect(await rig.metadata.drives.findUpload(over.uid)).toBeUndefined();
  });

  it('names entries and versions whose file is not there, and leaves them to their person', async () => {
    await open();
    const { uid } = await fileOf();
    const entry = await put('f', drive.root, { version: 2 });
    const { id, fileUid = '' } = entry;
    await rig.metadata.transaction(async (r) => {
      const version = { entryId: id, version: 1, fileUid: uid, size: BYTES, contentType: 'a/b' };
      await r.entries.insertVersions([{ ...version, modifiedAt: 1 }]);
      await r.drives.grow(USER, { used: BYTES });
      for (const lost of [uid, fileUid]) await r.files.markDeleted(lost, 1);
    });
    const { findings } = await rig.fsck({ repair: true });
    expect(findings.map((one) => one.message)).toEqual([
      `Entry ${id} names file ${fileUid}, which is not there.`,
      `Version 1 of entry ${id} names file ${uid}, which is not there.`,
    ]);
    expect(findings).toMatchObject(
      [1, 2].map(() => ({ kind: 'entry-without-file', subject: id, repaired: false })),
    );
    await drive.structure.trash(USER, id);
    await drive.trash.remove(USER, id);
    expect((await rig.fsck()).findings).toEqual([]);
    expect(await rig.metadata.drives.find(USER)).toMatchObject({ usedBytes: 0, files: 0 });
  });

  it('gives up files of people that nothing names, unless they are young', async () => {
    await open();
    await put('f');
    const { uid } = await fileOf();
    const foreign = await rig.uploads.writeFile({ owner: 'a', name: 'n' }, chunksOf(some(BYTES)));
    expect((await rig.fsck({ repair: true, graceMs: 60_000 })).findings).toEqual([]);
    await mends(['file-without-entry', uid]);
    expect((await rig.metadata.files.find(uid))?.state).toBe('deleted');
    expect((await rig.metadata.files.find(foreign.uid))?.state).toBe('ready');
  });

  it('puts what lost its folder into the trash, to be brought back', async () => {
    await open();
    const [a, b] = [rig.ids.next(), await drive.folder('b')];
    const lost: Entry = newFolder({ id: rig.ids.next(), userId: USER, parentId: a, name: 'lost' }, 1);
    await rig.metadata.transaction((r) => r.entries.insert(lost));
    const [inside, file] = [await put('inside', lost.id), await put('alone', a)];
    const second = newFolder({ id: rig.ids.next(), userId: USER, parentId: undefined, name: '' }, 1);
    await rig.metadata.transaction((r) => r.entries.insert(second));
    await mends(...[lost, file, second].map(({ id }) => ['entry-without-folder', id]));
    const trashed = await rig.metadata.entries.trashed(USER, undefined, 10);
    expect(trashed.map(({ name }) => name).sort()).toEqual(['alone', 'lost', 'recovered']);
    const back = { parentId: b.id, conflict: 'fail' as const };
    for (const { id } of [lost, file, second]) await drive.structure.restore(USER, id, back);
    const path = (await drive.tree.lineage(USER, inside.id)).map(({ name }) => name);
    expect(path).toEqual(['inside', 'lost', 'b', '']);
    expect((await rig.fsck()).findings).toEqual([]);
  });

  it('takes folders that are inside each other out of their circle, to be brought back', async () => {
    await open();
    const a = await drive.folder('a');
    const b = await drive.folder('b', a.id);
    const c = await drive.folder('c', b.id);
    const file = await put('f', (await drive.folder('d', c.id)).id);
    const { entries } = rig.metadata;
    const turned = { ...(await entries.find(a.id)), parentId: c.id, liveParentId: c.id } as Entry;
    await rig.metadata.transaction((r) => r.entries.update(turned));
    await mends(['folder-in-itself', a.id]);
    expect((await entries.trashed(USER, undefined, 10)).map(({ id }) => id)).toEqual([a.id]);
    await drive.structure.restore(USER, a.id, { parentId: 'root', conflict: 'fail' });
    const path = (await drive.tree.lineage(USER, file.id)).map(({ name }) => name);
    expect(path).toEqual(['f', 'd', 'c', 'b', 'a', '']);
    expect((await rig.fsck()).findings).toEqual([]);
  });

  it('makes a root folder again that is gone', async () => {
    await open();
    await put('f', (await drive.folder('a')).id);
    await rig.metadata.transaction((r) => r.entries.remove([drive.root]));
    await mends(['drive-without-root', USER]);
    expect((await drive.tree.root(USER)).id).toBe(drive.root);
    const { entries } = rig.metadata;
    expect((await entries.childrenByName(drive.root, undefined, 10)).map(({ name }) => name)).toEqual(['a']);
  });

  it('removes what a task has left', async () => {
    await open();
    const job = end({});
    const top = newFolder({ id: rig.ids.next(), userId: USER, parentId: drive.root, name: 'copy' }, 1);
    await rig.metadata.transaction(async (r) => {
      await r.drives.insertJob(job);
      await r.entries.insert({ ...top, liveParentId: undefined, jobId: job.id });
    });
    const inside = await put('f', top.id);
    await mends(['entry-without-folder', top.id]);
    await runJobs();
    expect(await rig.metadata.entries.findMany([top.id, inside.id])).toEqual([]);
    expect((await rig.metadata.files.find(inside.fileUid ?? ''))?.state).toBe('deleted');
    expect((await rig.fsck()).findings).toEqual([]);
  });

  it('begins again to remove the drive of somebody who is gone', async () => {
    await open();
    const file = await put('f', (await drive.folder('a')).id);
    await rig.metadata.transaction((r) => r.users.remove(USER));
    await mends(['drive-without-person', USER]);
    await runJobs();
    expect(await rig.metadata.drives.find(USER)).toBeUndefined();
    expect(await rig.metadata.entries.scan('0', 10)).toEqual([]);
    expect((await rig.metadata.files.find(file.fileUid ?? ''))?.state).toBe('deleted');
    expect((await rig.fsck()).findings).toEqual([]);
  });

  it('removes what is left where the drive is gone', async () => {
    await open();
    const { id } = await drive.folder('a');
    await put('f', id);
    const away = await put('away');
    await drive.structure.trash(USER, away.id);
    await rig.metadata.transaction(async (r) => {
      await r.drives.remove(USER);
      await r.users.remove(USER);
    });
    await mends(['entry-without-folder', drive.root], ['entry-without-folder', away.id]);
    await runJobs();
    expect(await rig.metadata.entries.scan('0', 10)).toEqual([]);
    expect((await rig.fsck()).findings).toEqual([]);
  });

  it('reports nothing that was put right, or changed by its person, before it looked again', async () => {
    await open();
    const [a, f] = [await drive.folder('a'), await put('f')];
    const changed = await put('g', a.id);
    const { drives, entries } = rig.metadata;
    const [find, scan] = [drives.find, entries.scan];
    let looks = 0;
    drives.find = async (userId) => {
      const found = await find.call(drives, userId);
      looks += 1;
      if (looks === 1) await put('came meanwhile');
      return found;
    };
    let scans = 0;
    entries.scan = async (after, limit) => {
      const found = await scan.call(entries, after, limit);
      scans += 1;
      if (scans > 1) return found;
      const { uid } = await fileOf();
      await rig.metadata.transaction(async (r) => {
        await r.entries.update({ ...changed, fileUid: uid });
        await r.files.markDeleted(changed.fileUid ?? '', 1);
        await r.entries.remove([f.id]);
        await r.files.markDeleted(f.fileUid ?? '', 1);
        await r.drives.grow(USER, { used: -BYTES, files: -1 });
      });
      return found;
    };
    const seenKinds = seen(await rig.fsck({ repair: true }));
    expect([looks > 0, scans > 1]).toEqual([true, true]);
    expect(seenKinds).toEqual([]);
    Object.assign(drives, { find });
    Object.assign(entries, { scan });
    expect((await rig.fsck()).findings).toEqual([]);
  });

  it('asks for no ids without repair', async () => {
    await open();
    await rig.metadata.transaction((r) => r.users.remove(USER));
    const ids: FsckOptions['ids'] = {
      next: () => {
        throw new Error('no id may be made');
      },
    };
    expect(seen(await rig.fsck({ ids }))).toEqual([['drive-without-person', USER]]);
  });
});
