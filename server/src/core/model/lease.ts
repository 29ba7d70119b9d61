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
}
