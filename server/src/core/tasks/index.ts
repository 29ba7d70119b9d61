import type { StepParts } from '../drive/job-steps.ts';
import type { EventRetention } from '../events/retention.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { UploadTies } from '../upload-ties.ts';
import { type ComposeDependencies, composeType } from './compose.ts';
import { driveType } from './drive.ts';
import { driveSweepType } from './drive-sweep.ts';
import { expireUploadsType } from './expire-uploads.ts';
import { moveType } from './move.ts';
import { type MediaWork, probeType } from './probe.ts';
import { purgeType } from './purge.ts';
import { type ScanSettings, scanType } from './scan.ts';
import { type ScrubSettings, scrubTypes } from './scrub.ts';
import { sweepType } from './sweep.ts';
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
  readonly ties?: UploadTies | undefined;
  /** How long ended tasks are kept, in milliseconds. */
  readonly historyMs: number;
  /** How long entries of the audit log are kept, in milliseconds. */
  readonly auditMs: number;
  readonly events: EventRetention;
  readonly media: MediaWork;
  /** Undefined: nobody has a drive. */
  readonly drives?: StepParts | undefined;
  /** Undefined: nothing is read again. */
  readonly scrub?: ScrubSettings | undefined;
  /** Undefined: nothing is scanned. */
  readonly scan?: ScanSettings | undefined;
  /** The node that sweeps its own node-local stores, where there are several nodes. */
  readonly sweepNode?: string | undefined;
}

/** Names that the built-in types have, whether they are in use here or not. */
export const BUILT_IN_TYPES: ReadonlySet<string> = new Set([
  ...['compose', 'transfer', 'move', 'purge', 'expire-uploads', 'sweep', 'scrub', 'scan'],
  ...['probe', 'thumbnail', 'thumbnails', 'drive', 'drive-sweep'],
]);

/** Every type of background work that this node can do. */
export function taskTypes(dependencies: TaskDependencies): TaskType[] {
  const { sweepNode, purgeEveryMs: everyMs, stores } = dependencies;
  const hasOwn = stores.names.some((name) => stores.nodeOf(name) !== undefined);
  return [
    composeType(dependencies),
    transferType(dependencies),
    moveType(dependencies),
    purgeType({ ...dependencies, everyMs, sweepsAll: sweepNode === undefined }),
    probeType(dependencies),
    expireUploadsType({ ...dependencies, everyMs: dependencies.expireEveryMs }),
    ...(sweepNode !== undefined && hasOwn
      ? [sweepType({ ...dependencies, nodeId: sweepNode, everyMs })]
      : []),
    ...(dependencies.drives === undefined
      ? []
      : [driveType(dependencies.drives), driveSweepType(dependencies.drives)]),
    ...(dependencies.scan === undefined ? [] : [scanType(dependencies, dependencies.scan)]),
    ...(dependencies.scrub === undefined ? [] : scrubTypes(dependencies, dependencies.scrub)),
  ];
}
