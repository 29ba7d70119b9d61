import { section, whole } from './builders.ts';

export const auditSettings = section(
  {
    retentionDays: whole(
      1,
      36_500,
      400,
      'days',
      'Entries of the audit log are kept for so long; the task `purge` removes older ones.',
    ),
  },
  'Who did what from where. See docs/audit.md.',
);
