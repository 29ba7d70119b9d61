import { afterEach, expect, it } from 'vitest';
import { DriveCopies } from '#core/drive/copies.ts';
import { driveRig, USER } from './drive-rig.ts';
import { openRig, type Rig } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

it('a copy whose source is removed meanwhile fails, and leaves nothing', async () => {
  rig = await openRig();
  const { parts, root, folder, structure, trash, run } = await driveRig(rig, { atOnce: 100 });
  const source = await folder('source');
  for (let n = 0; n < 60; n += 1) await folder('inside', (await folder(`f${n}`, source.id)).id);
  const before = (await rig.metadata.entries.scan(undefined, 1000)).length;
  const { job } = await new DriveCopies(parts).copy(USER, source.id, {
    ...{ parentId: root, name: 'copy', conflict: 'fail' },
  });
  let commits = 0;
  await run(job?.id ?? '', async (work) => {
    commits += 1;
    // What there is was counted, and the top folder was copied.
    if (commits === 3) {
      await structure.trash(USER, source.id);
      const removal = await trash.remove(USER, source.id);
      await run(removal?.id ?? '');
    }
    return rig.metadata.transaction(work);
  });
  const ended = await rig.metadata.drives.findJob(job?.id ?? '');
  expect(ended).toMatchObject({ state: 'failed', error: expect.stringMatching(/removed/), reserved: 0 });
  const left = await rig.metadata.entries.scan(undefined, 1000);
  expect(left.map(({ id }) => id)).toEqual([root]);
  expect(before).toBe(122);
});

it('versions count where much is removed: it is a task, in transactions of a bounded size', async () => {
  rig = await openRig();
  const { folder, file, structure, trash, run, root } = await driveRig(rig, { atOnce: 1000 });
  const old = await folder('old');
  const files = [];
  for (let n = 0; n < 4; n += 1) files.push(await file(`f${n}`, old.id, 400));
  for (let n = 4; n < 8; n += 1) files.push(await file(`f${n}`, root, 400));
  const few = await file('few', root, 400);
  const ids = files.map(({ id }) => id);
  const count = async () => (await rig.metadata.entries.versionsOf(ids)).length;
  await structure.trash(USER, few.id);
  expect(await trash.remove(USER, few.id)).toBeUndefined();
  await structure.trash(USER, old.id);
  const removal = await trash.remove(USER, old.id);
  for (const id of ids.slice(4)) await structure.trash(USER, id);
  const empty = await trash.empty(USER);
  for (const job of [removal, empty]) {
    const before = await count();
    const steps: number[] = [];
    await run(job?.id ?? '', async (work) => {
      const had = await count();
      const done = await rig.metadata.transaction(work);
      steps.push(had - (await count()));
      return done;
    });
    expect(before - (await count())).toBe(1600);
    expect(Math.max(...steps)).toBeLessThanOrEqual(1000);
    expect(await rig.metadata.drives.findJob(job?.id ?? '')).toMatchObject({ state: 'done' });
  }
  expect(await rig.metadata.entries.findMany(ids)).toEqual([]);
  expect(await rig.metadata.drives.find(USER)).toMatchObject({ usedBytes: 0, files: 0 });
});
