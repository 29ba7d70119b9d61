import { OsproxyError } from '../errors.ts';
import type { Cron } from '../ports/cron.ts';
import type { TaskType } from './task-type.ts';

/** When the task of a recurring type runs. */
export interface Recurrence {
  /** The same for the same schedule, so that a change of it is noticed. */
  readonly text: string;
  /** Of a new task. */
  first(now: number): number;
  /** After a run that ended now; what was missed meanwhile is not made up for. */
  next(now: number): number;
}

const UTC = 'UTC';
/** Later than any clock shows, and still a time that a Date can hold. */
const NEVER = 8_640_000_000_000_000;

/** undefined for a type that is not recurring. Throws InvalidArgument for an expression that cannot be read or names no time. */
export function recurrenceOf(type: TaskType, cron: Cron | undefined): Recurrence | undefined {
  const { schedule, everyMs } = type;
  if (schedule !== undefined) {
    if (cron === undefined)
      throw new OsproxyError('Internal', `Nothing here can read the schedule of ${type.type}.`);
    const zone = schedule.timeZone ?? UTC;
    const next = (now: number) => cron.next(schedule.cron, zone, now) ?? NEVER;
    if (next(0) === NEVER)
      throw new OsproxyError('InvalidArgument', `"${schedule.cron}" names no time that ever comes.`);
    return { text: `${schedule.cron} ${zone}`, first: next, next };
  }
  if (everyMs === undefined) return undefined;
  return { text: `every ${everyMs} ms`, first: (now) => now, next: (now) => now + everyMs };
}

/** True for a type whose task exists once and never ends. */
export function isRecurring({ everyMs, schedule }: TaskType): boolean {
  return everyMs !== undefined || schedule !== undefined;
}
