import type { EventRecord, EventType } from '../model/event.ts';
import type { Clock } from '../ports/clock.ts';
import type { Coordinator } from '../ports/coordinator.ts';
import type { EventSink } from '../ports/event-sink.ts';
import type { Logger } from '../ports/logger.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Batching } from './round.ts';
import { EventSequencer } from './sequencer.ts';
import type { SinkPolicy } from './sink-policy.ts';

/** A sink of the configuration. */
export interface ConfiguredSink {
  readonly name: string;
  /** Event types or groups such as `file.*`; all when undefined. */
  readonly types: readonly string[] | undefined;
  /** Only events of these; all when undefined. */
  readonly owners: readonly string[] | undefined;
  readonly policy: SinkPolicy;
  start(): { readonly sink: EventSink; readonly batching: Batching };
}

export interface EventFlowOptions {
  readonly metadata: Metadata;
  readonly coordinator: Coordinator;
  readonly sinks: readonly ConfiguredSink[];
  /** Names this process in leases. */
  readonly holder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
}

/** Brings events from where changes leave them to the sinks of the configuration, while it is started. */
export class EventFlow {
  readonly #options: EventFlowOptions;
  readonly #sequencer: EventSequencer;
  readonly #listeners = new Set<() => void>();
  #dispatchers: readonly Dispatcher[] = [];

  constructor(options: EventFlowOptions) {
    this.#options = options;
    this.#sequencer = new EventSequencer({ ...options, onSequenced: () => this.#sequenced() });
  }

  start(): void {
    const { sinks } = this.#options;
    this.#dispatchers = sinks.map((sink) => new Dispatcher({ ...this.#options, ...dispatching(sink) }));
    this.#sequencer.start();
    for (const dispatcher of this.#dispatchers) dispatcher.start();
  }

  /** Says that events were committed just now. */
  appended(types: readonly EventType[]): void {
    for (const type of types) this.#options.telemetry.eventAppended(type);
    this.#sequencer.wake();
  }

  /** Calls back when this process has given positions to events; returns the function that ends it. */
  onSequenced(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Says that a sink may have something to do that no new event tells of. */
  wakeSinks(): void {
    for (const dispatcher of this.#dispatchers) dispatcher.wake();
  }

  /** Ends what is under way; what is left waits in the database. */
  async stop(): Promise<void> {
    await this.#sequencer.stop();
    await Promise.all(this.#dispatchers.map((dispatcher) => dispatcher.stop()));
  }

  #sequenced(): void {
    this.wakeSinks();
    for (const listener of this.#listeners) listener();
  }
}

function dispatching({ name, policy, types, owners, start }: ConfiguredSink) {
  return { name, policy, wants: wanting(types, owners), ...start() };
}

function wanting(types: readonly string[] | undefined, owners: readonly string[] | undefined) {
  return ({ type, owner }: EventRecord): boolean =>
    isAmong(type, types) && (owners === undefined || (owner !== undefined && owners.includes(owner)));
}

/** True for a type that is named, or whose group is, as in `file.*`; every type is among none in particular. */
export function isAmong(type: string, wanted: readonly string[] | undefined): boolean {
  return wanted === undefined || wanted.includes(type) || wanted.includes(`${type.split('.')[0]}.*`);
}
