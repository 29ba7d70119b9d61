import { afterEach, expect, it } from 'vitest';
import type { DriveParts } from '#core/drive/drive-parts.ts';
import { driveSweepType } from '#core/tasks/drive-sweep.ts';
import { DAY_MS, driveParts, driveRig, taskContext, USER } from './drive-rig.ts';
import { openRig, type Rig } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

async function sweep(parts: DriveParts): Promise<void> {
  while ((await driveSweepType(parts).handle({}, taskContext(rig))) === 'again');
}

it('removes what was in the trash for long enough, leaves large trees to a task, and takes up what was lost', async () => {
  rig = await openRig();
  const { parts, structure, folder } = await driveRig(rig);
  const [old, young, large] = [await folder('old'), await folder('young'), await folder('large')];
  for (let n = 0; n < 11; n += 1) await folder(`inside ${n}`, large.id);
  await structure.trash(USER, old.id);
  await structure.trash(USER, large.id);
  rig.clock.offset += 29 * DAY_MS;
  await structure.trash(USER, young.id);
  await sweep(parts);
  expect(await rig.metadata.entries.trashed(USER, undefined, 10)).toHaveLength(3);
  await sweep(driveParts(rig, { trashMs: undefined }));
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

it('leaves what its person brought back and put away again, whenever it looked', async () => {
  rig = await openRig();
  const { trash, structure, folder } = await driveRig(rig);
  const { id } = await folder('a');
  await structure.trash(USER, id);
  const cutoff = rig.clock.now();
  rig.clock.offset += 1000;
  await structure.restore(USER, id, { conflict: 'fail' });
  await structure.trash(USER, id);
  await expect(trash.remove(USER, id, cutoff)).rejects.toMatchObject({ code: 'NotFound' });
  expect(await rig.metadata.entries.find(id)).toBeDefined();
  expect(await trash.remove(USER, id, rig.clock.now())).toBeUndefined();
  expect(await rig.metadata.entries.find(id)).toBeUndefined();
});
