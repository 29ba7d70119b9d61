import { afterEach, expect, it } from 'vitest';
import type { DriveParts } from '#core/drive/drive-parts.ts';
import { newFileEntry, newFolder } from '#core/drive/new-entry.ts';
import { DriveStructure } from '#core/drive/structure.ts';
import { DriveTree } from '#core/drive/tree.ts';
import { PlacementPolicy } from '#core/placement.ts';
import { driveSweepType } from '#core/tasks/drive-sweep.ts';
import type { TaskContext } from '#core/tasks/task-type.ts';
import { putUser } from '../contracts/metadata-accounts.ts';
import { HOUR_MS, openRig, quiet, type Rig } from './rig.ts';

const DAY_MS = 24 * HOUR_MS;
const USER = '77';

let rig: Rig;
afterEach(() => rig.close());

function partsOf(over: Partial<DriveParts['drive']> = {}): DriveParts {
  const { metadata, records, ids, clock } = rig;
  const policy = new PlacementPolicy({
    rules: [],
    defaultStore: 'main',
    limits: new Map(),
    stores: ['main'],
  });
  return {
    ...{ metadata, records, ids, clock, policy, holders: { holding: () => [] }, wakeTasks: () => {} },
    quotaOf: async () => undefined,
    uploaderOf: async () => ({ owner: `~${USER}`, group: undefined, store: undefined }),
    drive: { versions: 5, trashMs: 30 * DAY_MS, atOnce: 10, ...over },
    settings: { taskAttempts: 3 },
  };
}

async function sweep(parts: DriveParts): Promise<void> {
  const context = {
    signal: new AbortController().signal,
    logger: quiet,
    commit: (work) => rig.metadata.transaction(work),
  } as TaskContext;
  while ((await driveSweepType(parts).handle({}, context)) === 'again');
}

it('removes what was in the trash for long enough, leaves large trees to a task, and takes up what was lost', async () => {
  rig = await openRig();
  await putUser(rig.metadata, USER);
  const parts = partsOf();
  const [tree, structure] = [new DriveTree(parts), new DriveStructure(parts)];
  const { id: root } = await tree.root(USER);
  const folder = (name: string, parentId = root) =>
    structure.createFolder(USER, { parentId, name, conflict: 'fail' });
  const [old, young, large] = [await folder('old'), await folder('young'), await folder('large')];
  for (let n = 0; n < 11; n += 1) await folder(`inside ${n}`, large.id);
  await structure.trash(USER, old.id);
  await structure.trash(USER, large.id);
  rig.clock.offset += 29 * DAY_MS;
  await structure.trash(USER, young.id);
  await sweep(parts);
  expect(await rig.metadata.entries.trashed(USER, undefined, 10)).toHaveLength(3);
  await sweep(partsOf({ trashMs: undefined }));
  rig.clock.offset += 2 * DAY_MS;
  await sweep(parts);
  expect((await rig.metadata.entries.trashed(USER, undefined, 10)).map(({ id }) => id)).toEqual([young.id]);
  expect(await rig.metadata.entries.find(old.id)).toBeUndefined();
  const [job] = await rig.metadata.drives.unfinishedJobs(10);
  expect(job).toMatchObject({ kind: 'delete', userId: USER });
  const tasks = await rig.metadata.tasks.list({ type: 'drive' }, 10);
  expect(tasks).toMatchObject([{ key: job?.id, state: 'pending' }]);
  await rig.metadata.transaction(async (r) => {
    await r.tasks.cancel(tasks[0]?.id ?? '', 'by hand', rig.clock.now());
  });
  await sweep(parts);
  const again = await rig.metadata.tasks.list({ type: 'drive', state: 'pending' }, 10);
  expect(again).toMatchObject([{ key: job?.id }]);
});

it('fsck names entries whose file is not there', async () => {
  rig = await openRig();
  const missing = rig.ids.next();
  const file = { uid: missing, size: 1, contentType: 'a/b' } as Parameters<typeof newFileEntry>[1];
  const top = newFolder({ id: rig.ids.next(), userId: USER, parentId: undefined, name: '' }, 1);
  const entry = newFileEntry({ id: rig.ids.next(), userId: USER, parentId: top.id, name: 'f' }, file, 1);
  await rig.metadata.transaction((r) => r.entries.insertMany([top, entry]));
  const { findings } = await rig.fsck({ repair: true });
  expect(findings).toMatchObject([{ kind: 'entry-without-file', subject: entry.id, repaired: false }]);
});
