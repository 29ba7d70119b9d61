import type { Config } from '#config/config.ts';
import { driveTies } from '#core/drive/arrivals.ts';
import type { DriveParts } from '#core/drive/drive-parts.ts';
import type { StepParts } from '#core/drive/job-steps.ts';
import type { Groups } from '#core/groups.ts';

const MEBIBYTE = 1024 * 1024;
const DAY_MS = 24 * 3_600_000;
/** A tree of so many entries is copied and removed within a second or so. */
const AT_ONCE = 1000;

/** Drives as the configuration wants them. */
export function configuredDrive(
  { drive }: Config,
  base: Omit<DriveParts, 'allowanceOf' | 'drive'>,
  groups: Groups,
): StepParts {
  const standard = drive.quotaMiB === 0 ? undefined : drive.quotaMiB * MEBIBYTE;
  const parts: DriveParts = {
    ...base,
    drive: {
      versions: drive.versions,
      trashMs: drive.trashDays === 0 ? undefined : drive.trashDays * DAY_MS,
      atOnce: AT_ONCE,
    },
    allowanceOf: async (repositories, userId) => {
      const { uploader, quota = standard } = await groups.allowanceOf(repositories, userId);
      return { uploader, quota };
    },
  };
  return { ...parts, ties: driveTies(parts) };
}
