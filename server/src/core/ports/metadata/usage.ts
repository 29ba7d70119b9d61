import type { UsageCell, UsageCounts, UsageDimension, UsageTotal } from '../../model/usage.ts';

export interface UsageFilter {
  /** Days since the epoch in UTC, both inclusive. */
  readonly from: number;
  readonly to: number;
  /** Files of this owner alone; of all when undefined. */
  readonly owner: string | undefined;
  /** What this key moved alone. */
  readonly key?: string | undefined;
}

export interface UsageQueries {
  /** Sums by these dimensions and in their order; at most `limit`. */
  totals(filter: UsageFilter, by: readonly UsageDimension[], limit: number): Promise<readonly UsageTotal[]>;
}

export interface UsageCommands {
  /**
   * True when batch `number` of the source was not counted yet, and counts it: numbers of a source ascend. What is added in the same transaction is
   * added once, however often the transaction is tried again.
   */
  claim(source: string, number: number, now: number): Promise<boolean>;
  /** The last number of the source that was counted, 0 for none; nobody else counts of it until the transaction ends. */
  lastOf(source: string, now: number): Promise<number>;
  add(cell: UsageCell, counts: UsageCounts): Promise<void>;
  /** Removes days before this one; resolves how many rows that were. */
  removeBefore(day: number): Promise<number>;
  /** Forgets sources that counted nothing since; theirs may not come again. */
  forgetSources(before: number): Promise<void>;
}
