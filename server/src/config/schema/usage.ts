import { Type } from 'typebox';
import { flag, section, text, whole } from './builders.ts';

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
    kafka: section(
      {
        topic: Type.Optional(
          text(
            'Topic of the cluster in `kafka` that every record is written to, and from which it is counted.',
            {
              pattern: '^(?!\\.{1,2}$)[A-Za-z0-9._-]{1,249}$',
              allowed: '1 to 249 letters, digits, dots, dashes or underscores',
              defaultText: 'none; records are counted directly',
            },
          ),
        ),
        group: text('Consumer group of the processes that count.', {
          default: 'osproxy-usage',
          maxLength: 255,
        }),
      },
      'Records of usage in a topic of Kafka.',
    ),
  },
  'Who moved how much. See docs/usage.md.',
);
