import { section, whole } from './builders.ts';
import { MIB_PER_TIB } from './stores.ts';

export const driveSettings = section(
  {
    quotaMiB: whole(
      0,
      1024 * 1024 * MIB_PER_TIB,
      0,
      'MiB',
      'Most that one person may have, all versions and the trash included, where neither the person nor the group has a quota of its own; 0 sets no limit.',
    ),
    versions: whole(0, 500, 20, 'versions', 'Contents that a file had before which are kept.'),
    trashDays: whole(
      0,
      3650,
      30,
      'days',
      'What is in the trash for this long is removed for good; 0 leaves it there until its person removes it.',
    ),
  },
  'Folders and files of people.',
);
