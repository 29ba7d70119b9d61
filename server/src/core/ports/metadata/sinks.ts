import type { DeliveryRecord, DeliveryState, SinkRecord } from '../../model/sink.ts';

export interface SinkQueries {
  find(name: string): Promise<SinkRecord | undefined>;
  /** By name. */
  list(): Promise<readonly SinkRecord[]>;
  /** Deliveries of a sink and state in ascending order of their events; `after` is a position, exclusive. At most 1000. */
  deliveries(
    sink: string,
    state: DeliveryState,
    after: string | undefined,
    limit: number,
  ): Promise<readonly DeliveryRecord[]>;
  /** Waiting deliveries whose time has come, the longest due first. */
  due(sink: string, now: number, limit: number): Promise<readonly DeliveryRecord[]>;
  /** When the next waiting delivery is due; undefined when none waits. */
  nextDue(sink: string): Promise<number | undefined>;
  /** Those of the subjects that have a waiting delivery. At most 1000 subjects. */
  blocked(sink: string, subjects: readonly string[]): Promise<ReadonlySet<string>>;
  counts(): Promise<
    readonly { readonly sink: string; readonly state: DeliveryState; readonly count: number }[]
  >;
}

export interface SinkCommands {
  /** Makes the sink known where it is not, beginning after `position`, and shuts out every holder of a lower fence. */
  take(name: string, position: string | undefined, fence: number, now: number): Promise<SinkRecord>;
  /** Locks the sink; false when a higher fence has taken it. Call it first in the transaction that writes progress. */
  holds(name: string, fence: number): Promise<boolean>;
  /** Locks the sink for the rest of the transaction. */
  lock(name: string): Promise<SinkRecord | undefined>;
  /** Writes everything but the fence. */
  save(sink: SinkRecord): Promise<void>;
  putDelivery(delivery: DeliveryRecord): Promise<void>;
  /** Removes it, and lets the next waiting one of its subject be due at `now`. */
  endDelivery(delivery: DeliveryRecord, now: number): Promise<void>;
  /** Parks it with its reason, and lets the next waiting one of its subject be due at `now`. */
  park(delivery: DeliveryRecord, now: number): Promise<void>;
  /** Makes parked deliveries wait again, due at `now` with no attempts counted: those of `positions`, or all; returns how many. */
  redrive(sink: string, positions: readonly string[] | undefined, now: number): Promise<number>;
  /** Removes parked deliveries: those of `positions`, or all; returns how many. */
  discard(sink: string, positions: readonly string[] | undefined): Promise<number>;
  /** Forgets a sink that is not configured any more, with its deliveries. */
  remove(name: string): Promise<void>;
}
