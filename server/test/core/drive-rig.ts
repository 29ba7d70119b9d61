import type { DriveParts } from '#core/drive/drive-parts.ts';
import type { StepParts } from '#core/drive/job-steps.ts';
import { newFileEntry } from '#core/drive/new-entry.ts';
import { DriveStructure } from '#core/drive/structure.ts';
import { DriveTrash } from '#core/drive/trash.ts';
import { DriveTree } from '#core/drive/tree.ts';
import type { Entry } from '#core/model/entry.ts';
import { PlacementPolicy } from '#core/placement.ts';
import { driveType } from '#core/tasks/drive.ts';
import type { TaskContext } from '#core/tasks/task-type.ts';
import { putUser } from '../contracts/metadata-accounts.ts';
import { sampleFile } from '../contracts/metadata-samples.ts';
import { HOUR_MS, quiet, type Rig } from './rig.ts';

export const DAY_MS = 24 * HOUR_MS;
export const USER = '77';

export function driveParts(rig: Rig, over: Partial<DriveParts['drive']> = {}): DriveParts {
  const { metadata, records, ids, clock } = rig;
  const policy = new PlacementPolicy({
    rules: [],
    defaultStore: 'main',
    limits: new Map(),
    stores: ['main'],
  });
  return {
    ...{ metadata, records, ids, clock, policy, holders: { holding: () => [] }, wakeTasks: () => {} },
    allowanceOf: async () => ({
      uploader: { owner: `~${USER}`, group: undefined, store: undefined },
      quota: undefined,
    }),
    drive: { versions: 5, trashMs: 30 * DAY_MS, atOnce: 10, ...over },
    settings: { taskAttempts: 3 },
  };
}

export function taskContext(
  rig: Rig,
  commit: Commit = (work) => rig.metadata.transaction(work),
): TaskContext {
  const signal = new AbortController().signal;
  const used: Pick<TaskContext, 'signal' | 'logger' | 'commit' | 'progress'> = {
    ...{ signal, logger: quiet, commit, progress: () => {} },
  };
  return used as TaskContext;
}

type Commit = TaskContext['commit'];

/** The drive of one person, and its tasks, run by hand. */
export async function driveRig(rig: Rig, over?: Partial<DriveParts['drive']>) {
  await putUser(rig.metadata, USER);
  const parts = driveParts(rig, over);
  const [tree, structure] = [new DriveTree(parts), new DriveStructure(parts)];
  const { id: root } = await tree.root(USER);
  const steps: StepParts = {
    ...parts,
    ties: { completing: async () => undefined, ended: async () => {}, roomOf: () => undefined },
  };
  return {
    ...{ parts, tree, structure, root, trash: new DriveTrash(parts) },
    folder: (name: string, parentId = root) =>
      structure.createFolder(USER, { parentId, name, conflict: 'fail' }),
    /** A file of one byte that had so many contents before, each of one byte. */
    file: async (name: string, parentId: string, before: number): Promise<Entry> => {
      const content = sampleFile({ owner: `~${USER}`, size: 1 });
      const made = newFileEntry({ id: rig.ids.next(), userId: USER, parentId, name }, content, 1);
      const entry: Entry = { ...made, version: before + 1 };
      const { id: entryId, contentType = '', modifiedAt, size } = entry;
      const versions = Array.from({ length: before }, (_, n) => ({
        ...{ entryId, version: n + 1, fileUid: rig.ids.next(), size, contentType, modifiedAt },
      }));
      await rig.metadata.transaction(async (r) => {
        await r.files.insert(content);
        await r.entries.insert(entry);
        await r.entries.insertVersions(versions);
        await r.drives.grow(USER, { used: before + 1, files: 1 });
      });
      return entry;
    },
    run: (jobId: string, commit?: Commit) => driveType(steps).handle({ id: jobId }, taskContext(rig, commit)),
  };
}
