import { Batcher } from '../batcher.ts';
import { toOsproxyError } from '../errors.ts';
import type { EventRecord } from '../model/event.ts';
import type { EventSink, SinkOutcome } from '../ports/event-sink.ts';

/** How many events a sink takes at once. */
export interface Batching {
  /** Most events of one batch; 1 for a receiver that takes one at a time. */
  readonly items: number;
  /** Most bytes of one batch, as the events' data measures. */
  readonly bytes: number;
  /** Batches under way at once; events of one subject are always in the same lane. */
  readonly lanes: number;
}

/** Envelope and JSON punctuation around the data. */
const FRAME_BYTES = 400;

/** Hands events to a sink, each subject in its order, and stops asking it in this round once it says that it takes nothing. */
export async function deliverRound(
  sink: EventSink,
  events: readonly EventRecord[],
  batching: Batching,
  signal: AbortSignal,
): Promise<readonly SinkOutcome[]> {
  const held = new Set<string>();
  let halted: SinkOutcome | undefined;
  const batcher = new Batcher<EventRecord, SinkOutcome>({
    keyOf: ({ subject }) => subject,
    sizeOf: ({ data }) => JSON.stringify(data).length + FRAME_BYTES,
    maxItems: batching.items,
    maxBytes: batching.bytes,
    maxWaitMs: 0,
    lanes: batching.lanes,
    maxQueuedItems: events.length,
    maxQueuedBytes: Number.MAX_SAFE_INTEGER,
    work: async (batch) => {
      const open = batch.filter(({ subject }) => !held.has(subject));
      const outcomes = halted === undefined ? await ask(sink, open, signal) : open.map(() => halted);
      let next = 0;
      return batch.map((event) => {
        if (open[next] !== event) return { value: { kind: 'held' } };
        const outcome = outcomes[next++] ?? unavailable('The receiver lost the event.');
        if (outcome.kind === 'refused') held.add(event.subject);
        if (outcome.kind === 'unavailable' || outcome.kind === 'gone') halted ??= outcome;
        return { value: outcome };
      });
    },
  });
  return Promise.all(events.map((event) => batcher.add(event)));
}

async function ask(
  sink: EventSink,
  events: readonly EventRecord[],
  signal: AbortSignal,
): Promise<readonly SinkOutcome[]> {
  if (events.length === 0) return [];
  if (signal.aborted) return events.map(() => unavailable('The service is stopping.'));
  try {
    return await sink.deliver(events, signal);
  } catch (error) {
    const outcome = unavailable(toOsproxyError(error).message);
    return events.map(() => outcome);
  }
}

function unavailable(reason: string): SinkOutcome {
  return { kind: 'unavailable', reason };
}
