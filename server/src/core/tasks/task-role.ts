import { nameOf } from './adjusted-types.ts';
import { isRecurring } from './recurrence.ts';
import type { TaskType } from './task-type.ts';

/** Stands for every type in the lists of the configuration. */
const ALL = '*';

/** Which tasks a process runs; of all others it knows as well, so that it can add them. */
export interface TaskRole {
  /** True where it makes sure that recurring tasks exist. */
  readonly schedules: boolean;
  /** `leads`: this node leads the schedules. */
  works(type: TaskType, leads: boolean): boolean;
}

/** A process that serves requests: everything that is not left to workers. What belongs to its node it never leaves. */
export function serverRole(leftToWorkers: readonly string[] = []): TaskRole {
  return {
    schedules: true,
    works: (type, leads) => isOwn(type, leads) && (type.ofNode === true || !isNamed(type, leftToWorkers)),
  };
}

/** A process that only runs tasks: those of the types, or of all; recurring ones only where servers leave them. */
export function workerRole(types: readonly string[], leftToWorkers: readonly string[]): TaskRole {
  const wanted = types.length === 0 ? [ALL] : types;
  return {
    schedules: false,
    works: (type) =>
      type.ofNode !== true && isNamed(type, wanted) && (!isRecurring(type) || isNamed(type, leftToWorkers)),
  };
}

/** Names of the lists that no type has. */
export function unknownTypes(names: readonly string[], types: readonly TaskType[]): readonly string[] {
  const known = [ALL, ...types.map(nameOf)];
  return names.filter((name) => !known.includes(name));
}

function isOwn(type: TaskType, leads: boolean): boolean {
  return leads || !isRecurring(type) || type.ofNode === true;
}

function isNamed(type: TaskType, names: readonly string[]): boolean {
  return names.includes(ALL) || names.includes(nameOf(type));
}
