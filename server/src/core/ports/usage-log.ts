import type { UsageRecord } from '../model/usage.ts';

/** A record with its place in what one process said of one key: numbers of a source ascend by one. */
export interface LoggedUsage {
  readonly source: string;
  readonly number: number;
  readonly record: UsageRecord;
}

/** A log outside that records go through. Records of one key keep their order in it; each can be there several times. */
export interface UsageLog {
  /** Resolves when all of them are kept. A rejection says nothing about which are. */
  append(entries: readonly LoggedUsage[], signal: AbortSignal): Promise<void>;
  /**
   * Gives records to `work` from where the group of all processes has come, those of one key one after the other and several keys at once. What `work` has
   * resolved for is not given again, unless the process ends before that is kept. A rejection is tried again until stop().
   */
  start(work: (entries: readonly LoggedUsage[]) => Promise<void>): void;
  /** Ends reading first, then writing. */
  stop(): Promise<void>;
}
