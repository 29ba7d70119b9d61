import { readFileSync } from 'node:fs';
import { median } from './median.ts';
import type { Contender } from './series.ts';

const TICKS_PER_SECOND = 100;

export interface ProcessorTime {
  readonly contender: Contender;
  /** Processor seconds of the server per measurement, user and system together. */
  report(): string;
}

/**
 * Also counts what the server's process and its children work during each measurement. This depends less than the time on the clock on
 * what else the machine does; what the kernel does later, such as writing back, is not in it.
 */
export function withProcessorTime(contender: Contender, pid: number): ProcessorTime {
  const seconds: number[] = [];
  return {
    contender: {
      ...contender,
      measure: async (round) => {
        const before = processorSeconds(pid);
        const value = await contender.measure(round);
        if (round > 0) seconds.push(processorSeconds(pid) - before);
        return value;
      },
    },
    report: () =>
      `${contender.name}: ${median(seconds).toFixed(2)} processor seconds of the server per transfer`,
  };
}

function processorSeconds(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return [pid, ...children.map(Number)].reduce((sum, each) => sum + processorTimes(each).own, 0);
}

/** Seconds of a process, and of its children that have ended. */
export function processorTimes(pid: number): { own: number; children: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15).map(Number);
  return { own: (user + system) / TICKS_PER_SECOND, children: (childUser + childSystem) / TICKS_PER_SECOND };
}
