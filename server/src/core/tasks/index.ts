import type { Telemetry } from '../ports/telemetry.ts';
import { type ComposeDependencies, composeType } from './compose.ts';
import { expireUploadsType } from './expire-uploads.ts';
import { moveType } from './move.ts';
import { purgeType } from './purge.ts';
import type { TaskType } from './task-type.ts';
import { transferType } from './transfer.ts';

export interface TaskDependencies extends ComposeDependencies {
  readonly telemetry: Telemetry;
  /** Limit of all write-back transfers of this process together; undefined: none. */
  readonly transferBytesPerSecond: number | undefined;
  /** Milliseconds between purges, and the grace time before anything is removed. */
  readonly purgeEveryMs: number;
  readonly graceMs: number;
  readonly expireEveryMs: number;
}

/** Every type of background work that this node can do. */
export function taskTypes(dependencies: TaskDependencies): TaskType[] {
  return [
    composeType(dependencies),
    transferType(dependencies),
    moveType(dependencies),
    purgeType({ ...dependencies, everyMs: dependencies.purgeEveryMs }),
    expireUploadsType({ ...dependencies, everyMs: dependencies.expireEveryMs }),
  ];
}
