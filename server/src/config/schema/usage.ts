import { flag, section, whole } from './builders.ts';

export const usageSettings = section(
  {
    enabled: flag(true, 'Count uploads and downloads by day, owner, key and store.'),
    flushMilliseconds: whole(
      100,
      60_000,
      1000,
      'milliseconds',
      'Time between two writes of the counts; that much is lost when a process is killed.',
    ),
    retentionDays: whole(1, 36_500, 400, 'days', 'Daily totals are kept for so long.'),
  },
  'Who moved how much. See docs/usage.md.',
);
