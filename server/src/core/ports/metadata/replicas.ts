/** A copy of the database that is some moments behind, as this process sees it. */
export interface ReplicaState {
  /** Its place in the configuration, from 1 on. */
  readonly number: number;
  /** True when it answered when it was asked last. */
  readonly isUp: boolean;
  /** True while reads go there. */
  readonly isUsed: boolean;
  /** It shows everything that was committed this many milliseconds ago; undefined while that is not known. */
  readonly lagMs: number | undefined;
}

/** The read replicas of the database. */
export interface ReplicaSet {
  /** In the order of the configuration. */
  readonly states: readonly ReplicaState[];
  /** Tries each now; resolves with what was found, rejects with Unavailable and why one cannot be used, for the person who configures it. */
  examine(): Promise<string>;
}
