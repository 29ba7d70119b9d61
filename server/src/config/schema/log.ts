import { Type } from 'typebox';
import { flag, section, text, whole } from './builders.ts';

export const logSettings = section(
  {
    level: Type.Enum(['debug', 'info', 'warn', 'error', 'silent'], {
      default: 'info',
      description: 'Least severe level that is logged.',
    }),
    file: Type.Optional(
      section(
        {
          path: Type.Optional(
            text('File that gets every log line in addition to stdout.', {
              defaultText: 'none; without it nothing is written to a file',
            }),
          ),
          maxSizeMiB: whole(1, 102_400, 100, 'MiB', 'The file is rotated when it reaches this size.'),
          rotateHours: Type.Enum([1, 2, 3, 4, 6, 8, 12, 24], {
            default: 24,
            unit: 'hours',
            description: 'The file is rotated at this interval, counted from midnight.',
          }),
          keep: whole(1, 1000, 14, 'files', 'Rotated files that are kept.'),
          compress: flag(true, 'Compress rotated files with gzip.'),
        },
        'The log file; it exists when `log.file.path` is set.',
      ),
    ),
  },
  'JSON lines on stdout, and in a file where one is set.',
);
