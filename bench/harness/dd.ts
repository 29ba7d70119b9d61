import { rm } from 'node:fs/promises';
import { settleDisk } from './files.ts';
import { run } from './processes.ts';
import type { Contender } from './series.ts';
import { findTools } from './tools.ts';

/** What the disk takes: a copy of the file by dd, with one fsync at its end. Seconds. */
export function ddReference(source: string, target: string, blockSize: string): Contender {
  const { dd } = findTools('dd');
  return {
    name: 'dd conv=fsync',
    measure: async () => {
      const args = [`if=${source}`, `of=${target}`, `bs=${blockSize}`, 'conv=fsync', 'status=none'];
      const { seconds } = await run(dd, args);
      await rm(target);
      await settleDisk(source);
      return seconds;
    },
  };
}
