import { OsproxyError } from '../errors.ts';
import type { Cron } from '../ports/cron.ts';
import { isRecurring, recurrenceOf } from './recurrence.ts';
import type { TaskType } from './task-type.ts';

/** What the configuration says of types of tasks, by their names; a type of one node goes by the part before its first dot. */
export interface TypeSettings {
  /** Most at once on each process. */
  readonly processLimits: Readonly<Record<string, number>>;
  /** Most at once in the cluster. */
  readonly clusterLimits: Readonly<Record<string, number>>;
  /** Cron expressions of recurring types. */
  readonly schedules: Readonly<Record<string, string>>;
  /** Of every schedule that names none. */
  readonly timeZone: string;
}

/** The types as the configuration wants them. Throws InvalidArgument, with every problem in `details.problems`. */
export function adjustedTypes(types: readonly TaskType[], settings: TypeSettings, cron: Cron): TaskType[] {
  const problems = [...unknownNames(types, settings)];
  const adjusted = types.map((type) => adjust(type, settings));
  const check = (setting: string, work: () => unknown) => {
    try {
      work();
    } catch (error) {
      problems.push(`${setting}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  check('tasks.timeZone', () => cron.next('0 0 * * *', settings.timeZone, 0));
  if (problems.length === 0)
    for (const type of adjusted) check(`tasks.schedules.${nameOf(type)}`, () => recurrenceOf(type, cron));
  if (problems.length === 0) return adjusted;
  throw new OsproxyError('InvalidArgument', problems.join(' '), { details: { problems } });
}

/** What the configuration calls it. */
export function nameOf({ type, ofNode }: TaskType): string {
  return ofNode === true ? (type.split('.')[0] ?? type) : type;
}

function* unknownNames(types: readonly TaskType[], settings: TypeSettings): Generator<string> {
  const names = [...new Set(types.map(nameOf))];
  const recurring = [...new Set(types.filter(isRecurring).map(nameOf))];
  const sections = [
    ['processLimits', 'a type of tasks', names],
    ['clusterLimits', 'a type of tasks', names],
    ['schedules', 'recurring work', recurring],
  ] as const;
  for (const [section, what, known] of sections) {
    for (const name of Object.keys(settings[section])) {
      if (known.includes(name)) continue;
      yield `tasks.${section} names "${name}", which is not ${what} here; it may name ${known.join(', ')}.`;
    }
  }
}

function adjust(
  type: TaskType,
  { processLimits, clusterLimits, schedules, timeZone }: TypeSettings,
): TaskType {
  const name = nameOf(type);
  const cron = schedules[name];
  const schedule = cron === undefined ? type.schedule : { cron };
  return {
    ...type,
    concurrency: {
      process: processLimits[name] ?? type.concurrency?.process,
      cluster: clusterLimits[name] ?? type.concurrency?.cluster,
    },
    ...(schedule === undefined ? {} : { schedule: { timeZone, ...schedule } }),
  };
}
