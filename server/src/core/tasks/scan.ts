import type { Category } from '../categories.ts';
import type { Downloads } from '../downloads.ts';
import type { FileRecords } from '../file-records.ts';
import type { Verdict } from '../holds.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { Scanner } from '../ports/scanner.ts';
import { judgingType } from './judging.ts';
import type { TaskType } from './task-type.ts';

const SCAN = 'scan';

export interface ScanSettings {
  readonly scanner: Scanner;
  /** undefined: files of every category. */
  readonly categories: readonly Category[] | undefined;
  /** Bytes; a larger file is not sent to the scanner. */
  readonly maxSize: number;
  /** What becomes of a file that is too large to be scanned: held for people, readable unseen, or rejected. */
  readonly onTooLarge: 'hold' | 'pass' | 'reject';
  /** Scans at once in each process. */
  readonly atOnce: number;
}

interface ScanParts {
  readonly metadata: Metadata;
  readonly records: FileRecords;
  readonly downloads: Downloads;
  readonly clock: Clock;
}

/** Holds files back until a virus scanner has looked at them. */
export function scanType(parts: ScanParts, settings: ScanSettings): TaskType {
  const { scanner, categories, maxSize, atOnce } = settings;
  const judging = judgingType(parts, {
    type: SCAN,
    match: categories === undefined ? {} : { categories },
    judge: async (content, { signal, logger }) => {
      const { uid, size } = content.file;
      if (size > maxSize) return tooLarge(settings);
      const body = await parts.downloads.read(content, undefined, signal);
      try {
        const result = await scanner.scan(body.chunks, signal);
        if ('tooLarge' in result) return tooLarge(settings);
        if ('clean' in result) return { yes: true };
        logger.warn({ uid, found: result.found }, 'a virus scanner found something in a file');
        return { no: `A virus scanner found "${result.found}" in it.` };
      } finally {
        await body.close();
      }
    },
  });
  // A scanner that hangs must not take every place from other work.
  return { ...judging, concurrency: { process: atOnce } };
}

function tooLarge({ onTooLarge }: ScanSettings): Verdict {
  if (onTooLarge === 'pass') return { yes: true };
  if (onTooLarge === 'reject') return { no: 'It is too large to be scanned for viruses.' };
  return { undecided: 'It is too large to be scanned for viruses.' };
}
