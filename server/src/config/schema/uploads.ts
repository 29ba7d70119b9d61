import { Type } from 'typebox';
import { section, whole } from './builders.ts';
import { MIB_PER_TIB } from './stores.ts';

const KIB_PER_MIB = 1024;

export const uploadsSettings = section(
  {
    partSizeMiB: whole(1, 5120, 8, 'MiB', 'Part size that is suggested to clients.'),
    maxFileSizeMiB: whole(1, 1024 * MIB_PER_TIB, 5 * MIB_PER_TIB, 'MiB', 'Largest file.'),
    maxPartSizeMiB: whole(1, 1024 * KIB_PER_MIB, 5120, 'MiB', 'Largest single part.'),
    expireHours: whole(
      1,
      8760,
      24,
      'hours',
      'An upload that gets no part for this long is given up and its parts are removed.',
    ),
    md5: Type.Enum(['always', 'declared'], {
      default: 'always',
      description:
        '`always` computes the MD5 of every upload; `declared` only where the client sends one or the protocol needs it.',
    }),
  },
  'Sizes and times of uploads.',
);
