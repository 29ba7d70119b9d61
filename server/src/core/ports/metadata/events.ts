import type { EventRecord, NewEvent } from '../../model/event.ts';

export interface EventQueries {
  /** Sequenced events after a position, ascending; `after` exclusive, undefined from the first that is kept. At most 1000. */
  after(position: string | undefined, limit: number): Promise<readonly EventRecord[]>;
  /** True while appended events wait for their positions. */
  hasWaiting(): Promise<boolean>;
  /** Position up to which events were removed as too old; undefined when none ever were. */
  removedUntil(): Promise<string | undefined>;
  /** Position of the latest sequenced event, be it removed since; undefined when there never was one. */
  last(): Promise<string | undefined>;
}

export interface EventCommands {
  /** Belongs to the transaction of the change it tells of: both become true or neither. Call it after the change has locked its row. */
  append(event: NewEvent, at: number): Promise<void>;
  /** As append. */
  appendMany(events: readonly NewEvent[], at: number): Promise<void>;
  /**
   * Gives up to `limit` appended events their positions, those of one subject in the order of their commits; returns how many. Callers exclude
   * each other in the database.
   */
  sequence(limit: number): Promise<number>;
  /** Removes up to `limit` events from the first position on, as far as each happened at or before `cutoff` and is not past `until`; returns how many. */
  removeOld(cutoff: number, until: string, limit: number): Promise<number>;
}
