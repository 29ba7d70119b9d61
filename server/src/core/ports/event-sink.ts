import type { EventRecord } from '../model/event.ts';

/**
 * What a receiver said about one event. `refused`: it did not take this one, which is tried again some times and then parked, while others go on.
 * `held`: it was not asked, because it did not take an earlier one of the same subject in this batch. `unavailable`: it takes nothing at the
 * moment; the event stays where it is and all is tried again later. `gone`: it never wants any more.
 */
export type SinkOutcome =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'held' }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly retryAfterMs?: number | undefined }
  | { readonly kind: 'gone'; readonly reason: string };

/** One place that events are told to. At least once: an event can come again after a crash, always with the same position as its id. */
export interface EventSink {
  /** Hands over a batch in order and resolves what became of each event, in the same order. Never called twice at once for one subject. Never rejects but for a bug. */
  deliver(events: readonly EventRecord[], signal: AbortSignal): Promise<readonly SinkOutcome[]>;
  close(): Promise<void>;
}
