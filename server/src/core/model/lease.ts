/** An exclusive, expiring hold on a name. */
export interface Lease {
  readonly name: string;
  readonly holder: string;
  /** Grows each time the lease changes hands; pass it along with the work it protects. */
  readonly fence: number;
  readonly expiresAt: number;
  /** A number that outlives the holder: the next one reads what the last one left. */
  readonly value: number;
}

export interface NodeRecord {
  readonly id: string;
  readonly address: string;
  readonly version: string;
  readonly startedAt: number;
  readonly heartbeatAt: number;
  /** What the node says about itself with each heartbeat. */
  readonly status?: NodeStatus;
}

/** Plain data: it is kept as JSON. */
export interface NodeStatus {
  readonly load: NodeLoad;
  readonly stores: readonly NodeStore[];
  /** Set while it holds the lease on the schedules; where two nodes say so, the higher fence counts. */
  readonly leads?: { readonly fence: number; readonly until: number };
}

/** Of all processes of the node together. */
export interface NodeLoad {
  /** Uploads and downloads that are under way. */
  readonly transfers: number;
  /** Background tasks that run on the node. */
  readonly tasks: number;
  /** 99th percentile since the last heartbeat: how late timers fire, of the process where they are latest. Milliseconds. */
  readonly eventLoopDelayMs: number;
}

export interface NodeStore {
  readonly name: string;
  /** True when only this node sees what is in it. */
  readonly nodeLocal: boolean;
  /** How it answered last: the error code, undefined when all was well. */
  readonly failure?: string;
}
