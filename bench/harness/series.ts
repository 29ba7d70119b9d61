/** One thing that is measured; `measure` gives one figure per round, and may prepare and clear up outside what it times. */
export interface Contender {
  readonly name: string;
  /** What has to be ready for this round and is not part of it. */
  prepare?(round: number): Promise<void>;
  measure(round: number): Promise<number>;
}

export interface Series {
  readonly name: string;
  readonly values: readonly number[];
  readonly median: number;
  readonly least: number;
  readonly most: number;
}
