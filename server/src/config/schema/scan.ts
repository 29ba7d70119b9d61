import { Type } from 'typebox';
import { CATEGORIES } from '#core/categories.ts';
import { section, text, whole } from './builders.ts';

export const scanSettings = section(
  {
    address: Type.Optional(
      text(
        'Where clamd, the daemon of ClamAV, listens: `tcp://127.0.0.1:3310` or `unix:/run/clamav/clamd.ctl`. With it every new file is held back until it was scanned.',
        {
          pattern: '^(tcp://(\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9._-]+):[0-9]{1,5}|unix:/.+)$',
          allowed: 'tcp:// with a host and a port, or unix: with a path, such as unix:/run/clamav/clamd.ctl',
          defaultText: 'none; nothing is scanned',
        },
      ),
    ),
    categories: Type.Optional(
      Type.Array(Type.Enum([...CATEGORIES]), {
        minItems: 1,
        maxItems: CATEGORIES.length,
        description:
          'Only files whose extension says so are scanned. Whoever sends a file chooses its extension.',
        defaultText: 'every file is scanned',
      }),
    ),
    maxSizeMiB: whole(
      1,
      4095,
      25,
      'MiB',
      'Largest file that is sent to clamd; its own StreamMaxLength should not be less.',
    ),
    onTooLarge: Type.Enum(['hold', 'pass', 'reject'], {
      default: 'hold',
      description:
        'What becomes of a larger file: it stays held until an administrator decides, can be read without having been scanned, or is rejected.',
    }),
    timeoutSeconds: whole(
      1,
      3600,
      300,
      'seconds',
      'A scan that makes no progress for so long is tried again.',
    ),
  },
  'A virus scanner that looks at files before they can be read; docs/quarantine.md.',
);
