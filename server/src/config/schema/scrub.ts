import { Type } from 'typebox';
import { NAME, section, text, whole } from './builders.ts';

export const scrubSettings = section(
  {
    periodDays: whole(
      0,
      3650,
      30,
      'days',
      'Every stored content is read again once in this time and compared with its checksum; 0 switches it off.',
    ),
    mibPerSecond: whole(
      1,
      1_048_576,
      16,
      'MiB',
      'Most that each process reads again, and copies to repair, per second.',
    ),
    stores: Type.Optional(
      Type.Array(text('Name of a store.', NAME), {
        minItems: 1,
        maxItems: 64,
        description: 'Stores whose content is read again.',
        defaultText: 'every store but those of type `s3`, where reading may cost money, and `memory`',
      }),
    ),
  },
  'Finding and repairing stored bytes that went bad.',
);
