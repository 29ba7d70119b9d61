import { type ComposeDependencies, composeType } from './compose.ts';
import { expireUploadsType } from './expire-uploads.ts';
import { purgeType } from './purge.ts';
import type { TaskType } from './task-type.ts';

export interface TaskDependencies extends ComposeDependencies {
  /** Milliseconds between purges, and the grace time before anything is removed. */
  readonly purgeEveryMs: number;
  readonly graceMs: number;
  readonly expireEveryMs: number;
}

/** Every type of background work that this node can do. */
export function taskTypes(dependencies: TaskDependencies): TaskType[] {
  return [
    composeType(dependencies),
    purgeType({ ...dependencies, everyMs: dependencies.purgeEveryMs }),
    expireUploadsType({ ...dependencies, everyMs: dependencies.expireEveryMs }),
  ];
}
