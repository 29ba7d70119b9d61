import type { Static, TSchema } from 'typebox';
import type { Batching } from '#core/events/round.ts';
import type { Clock } from '#core/ports/clock.ts';
import type { EventSink } from '#core/ports/event-sink.ts';
import type { Logger } from '#core/ports/logger.ts';

/** What a sink may use of the node it runs on. */
export interface EventSinkContext {
  /** `source` of the events: the public address of the installation, where it has one. */
  readonly source: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface StartedSink {
  readonly sink: EventSink;
  readonly batching: Batching;
}

/** One kind of event sink: what its settings look like and how it is made. */
export interface EventSinkType<Settings extends TSchema = TSchema> {
  readonly settings: Settings;
  /** What the schema cannot say, each as the end of a sentence such as `url is …`; never with a secret. */
  problems?(settings: Static<Settings>): readonly string[];
  /** Connects later, when there is something to tell; never fails for a receiver that is away. */
  create(settings: Static<Settings>, context: EventSinkContext): StartedSink;
}
