import type { EventRecord } from './event.ts';

/** active: events flow. failing: the next try comes at `retryAt`. disabled: given up; where `retryAt` is set it is tried again then. */
export type SinkState = 'active' | 'failing' | 'disabled';

/** How far one receiver of events has come. */
export interface SinkRecord {
  readonly name: string;
  /** The last event that needs no more work in order: delivered, filtered out, or kept as a delivery of its own; undefined before the first. */
  readonly position: string | undefined;
  readonly state: SinkState;
  /** Why it is not active. */
  readonly reason: string | undefined;
  /** Since when it has been failing without a success in between; milliseconds since the epoch. */
  readonly failingSince: number | undefined;
  readonly retryAt: number | undefined;
  readonly updatedAt: number;
}

/** waiting: tried again at `nextAt`, or after the earlier ones of its subject. parked: not tried again until somebody says so. */
export type DeliveryState = 'waiting' | 'parked';

/** One event that a sink did not take at once; it outlives the event itself. */
export interface DeliveryRecord {
  readonly sink: string;
  readonly event: EventRecord;
  readonly state: DeliveryState;
  readonly attempts: number;
  /** undefined while an earlier one of its subject is waiting. */
  readonly nextAt: number | undefined;
  readonly reason: string | undefined;
}
