import { toOsproxyError } from '#core/errors.ts';
import { CLOUD_EVENT_TYPE, cloudEvent } from '#core/events/cloud-event.ts';
import type { EventRecord } from '#core/model/event.ts';
import type { EventSink, SinkOutcome } from '#core/ports/event-sink.ts';
import { isRecordRefused } from '#drivers/kafka/errors.ts';
import type { KafkaMessage, KafkaProducer } from '#drivers/kafka/kafka-producer.ts';

export interface KafkaSinkOptions {
  readonly producer: KafkaProducer;
  readonly topic: string;
  /** What events are kept in order by: what they are about, or whose it is. */
  readonly keyBy: 'subject' | 'owner';
  /** The whole event as the value, or its data as the value and the rest in headers. */
  readonly mode: 'structured' | 'binary';
  /** `source` of the events. */
  readonly source: string | undefined;
}

/** Writes events to a topic as the Kafka protocol binding of CloudEvents describes, a batch in one request to each broker. */
export class KafkaSink implements EventSink {
  readonly #options: KafkaSinkOptions;

  constructor(options: KafkaSinkOptions) {
    this.#options = options;
  }

  async deliver(events: readonly EventRecord[], signal: AbortSignal): Promise<readonly SinkOutcome[]> {
    const round = new Round(this.#options, signal);
    await round.tell(events);
    return events.map((event) => round.outcomeOf(event));
  }

  close(): Promise<void> {
    return this.#options.producer.close();
  }
}

/** One batch; where the topic refuses a record of it, halves find out which. */
class Round {
  readonly #options: KafkaSinkOptions;
  readonly #signal: AbortSignal;
  readonly #outcomes = new Map<EventRecord, SinkOutcome>();
  readonly #held = new Set<string>();
  #halted: SinkOutcome | undefined;

  constructor(options: KafkaSinkOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  outcomeOf(event: EventRecord): SinkOutcome {
    return this.#outcomes.get(event) ?? this.#halted ?? { kind: 'held' };
  }

  async tell(events: readonly EventRecord[]): Promise<void> {
    const open = events.filter(({ subject }) => !this.#held.has(subject));
    const [first] = open;
    if (first === undefined || this.#halted !== undefined) return;
    const { producer, topic } = this.#options;
    try {
      await producer.send(
        topic,
        open.map((event) => message(event, this.#options)),
        this.#signal,
      );
      for (const event of open) this.#outcomes.set(event, { kind: 'delivered' });
    } catch (error) {
      const { message: reason } = toOsproxyError(error);
      if (!isRecordRefused(error)) this.#halted = { kind: 'unavailable', reason };
      else if (open.length > 1) {
        const middle = Math.ceil(open.length / 2);
        await this.tell(open.slice(0, middle));
        await this.tell(open.slice(middle));
      } else {
        this.#held.add(first.subject);
        this.#outcomes.set(first, { kind: 'refused', reason });
      }
    }
  }
}

function message(event: EventRecord, { keyBy, mode, source }: KafkaSinkOptions): KafkaMessage {
  const key = keyBy === 'owner' ? (event.owner ?? event.subject) : event.subject;
  const whole = cloudEvent(event, source);
  if (mode === 'structured') {
    const headers = { 'content-type': `${CLOUD_EVENT_TYPE}; charset=UTF-8` };
    return { key, value: JSON.stringify(whole), headers };
  }
  const { data, datacontenttype, ...attributes } = whole;
  const named = Object.entries(attributes).map(([name, value]) => [`ce_${name}`, value] as const);
  const headers = { 'content-type': datacontenttype, ...Object.fromEntries(named) };
  return { key, value: JSON.stringify(data), headers };
}
