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
