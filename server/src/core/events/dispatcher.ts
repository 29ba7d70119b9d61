import { OsproxyError } from '../errors.ts';
import type { EventRecord } from '../model/event.ts';
import type { Lease } from '../model/lease.ts';
import type { DeliveryRecord, SinkRecord } from '../model/sink.ts';
import { Nudge } from '../nudge.ts';
import type { Clock } from '../ports/clock.ts';
import type { Coordinator } from '../ports/coordinator.ts';
import type { EventSink, SinkOutcome } from '../ports/event-sink.ts';
import type { Logger } from '../ports/logger.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { type Batching, deliverRound } from './round.ts';
import { afterRound, nextAttempt, type SinkPolicy } from './sink-policy.ts';

const LEASE_MS = 15_000;
const PAGE = 500;
const RETRIES_AT_ONCE = 100;
/** How soon events that another node sequenced are seen, and a lead that became free is taken. */
const IDLE_MS = 1_000;
const BACKOFF_MS = 5_000;
/** A sink that is served is saved at least this often, so that one nobody serves any more can be told by its age. */
const TOUCH_MS = 3_600_000;

export interface DispatcherOptions {
  readonly name: string;
  readonly sink: EventSink;
  /** Events that it is not told of count as done. */
  readonly wants: (event: EventRecord) => boolean;
  readonly batching: Batching;
  readonly policy: SinkPolicy;
  readonly metadata: Metadata;
  readonly coordinator: Coordinator;
  /** Names this process in the lease. */
  readonly holder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
}

/**
 * Tells one sink of every event, at least once and each subject in order. Of all processes that run one for the sink, one leads at a time. What
 * the sink refuses is kept as a delivery of its own and tried again while other subjects go on; while it takes nothing at all, the position
 * waits.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #stopping = new AbortController();
  readonly #nudge = new Nudge();
  #running: Promise<void> | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Says that there may be something to tell. */
  wake(): void {
    this.#nudge.wake();
  }

  /** Ends the round that is under way, gives the lead away and closes the sink. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#options.sink.close();
  }

  async #run(): Promise<void> {
    const { coordinator, name, holder, logger } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      let pause = IDLE_MS;
      try {
        const lease = await coordinator.acquire(`sink/${name}`, holder, LEASE_MS);
        if (lease !== undefined) await this.#lead(lease);
      } catch (error) {
        logger.warn({ err: error, sink: name }, 'the sink could not be served for now');
        pause = BACKOFF_MS;
      }
      await this.#nudge.wait(pause, signal);
    }
  }

  /** Until the lease is lost, the process stops or the database fails. */
  async #lead(lease: Lease): Promise<void> {
    const { metadata, coordinator, name, clock } = this.#options;
    const lost = new AbortController();
    const beat = setInterval(() => {
      coordinator
        .renew(lease, LEASE_MS)
        .then((held) => held ?? lost.abort())
        .catch(() => {});
    }, LEASE_MS / 3);
    const signal = AbortSignal.any([lost.signal, this.#stopping.signal]);
    try {
      const start = await metadata.events.last();
      const { fence } = lease;
      const sink = await metadata.transaction(({ sinks }) => sinks.take(name, start, fence, clock.now()));
      await this.#warnOfLoss(sink);
      while (!signal.aborted) {
        const pause = await this.#step(lease.fence, signal);
        if (pause > 0) await this.#nudge.wait(pause, signal);
      }
    } finally {
      clearInterval(beat);
      await coordinator.release(lease).catch(() => {});
    }
  }

  /** One round; resolves how long to wait before the next in milliseconds. */
  async #step(fence: number, signal: AbortSignal): Promise<number> {
    const { metadata, name, clock } = this.#options;
    const sink = await metadata.sinks.find(name);
    if (sink === undefined) throw new OsproxyError('Conflict', `Sink "${name}" was removed.`);
    if (clock.now() - sink.updatedAt > TOUCH_MS) await this.#save(fence, sink, sink);
    if (sink.state === 'disabled' && sink.retryAt === undefined) return IDLE_MS;
    const wait = (sink.retryAt ?? 0) - clock.now();
    if (wait > 0) return Math.min(wait, IDLE_MS);
    const worked = (await this.#retry(sink, fence, signal)) || (await this.#forward(sink, fence, signal));
    if (worked) return 0;
    const due = await metadata.sinks.nextDue(name);
    return due === undefined ? IDLE_MS : Math.min(Math.max(due - clock.now(), 1), IDLE_MS);
  }

  async #retry(sink: SinkRecord, fence: number, signal: AbortSignal): Promise<boolean> {
    const { metadata, name, clock } = this.#options;
    const due = await metadata.sinks.due(name, clock.now(), sink.state === 'active' ? RETRIES_AT_ONCE : 1);
    if (due.length === 0) return false;
    const outcomes = await this.#deliver(
      due.map(({ event }) => event),
      signal,
    );
    await this.#commit(fence, async ({ sinks }) => {
      for (const [i, delivery] of due.entries()) {
        const outcome = outcomes[i];
        const now = clock.now();
        if (outcome?.kind === 'delivered') await sinks.endDelivery(delivery, now);
        else if (outcome?.kind === 'refused') await this.#refused(sinks, delivery, outcome.reason, now);
      }
      await this.#conclude(sinks, sink, this.#judge(sink, outcomes, sink.position, signal));
    });
    return true;
  }

  async #forward(sink: SinkRecord, fence: number, signal: AbortSignal): Promise<boolean> {
    const { metadata, name, wants, clock } = this.#options;
    if (sink.state === 'disabled') await this.#warnOfLoss(sink);
    const page = await metadata.events.after(sink.position, sink.state === 'active' ? PAGE : 1);
    if (page.length === 0) return false;
    const wanted = page.filter(wants);
    const blocked = await metadata.sinks.blocked(name, [...new Set(wanted.map(({ subject }) => subject))]);
    const open = wanted.filter(({ subject }) => !blocked.has(subject));
    const outcomes = await this.#deliver(open, signal);
    const outcomeOf = new Map(open.map((event, i) => [event.position, outcomes[i]]));
    const stop = page.findIndex(({ position }) => isHalt(outcomeOf.get(position)));
    const done = stop === -1 ? page : page.slice(0, stop);
    await this.#commit(fence, async ({ sinks }) => {
      const now = clock.now();
      for (const event of done.filter(wants)) {
        const outcome = outcomeOf.get(event.position) ?? { kind: 'held' };
        const kept: DeliveryRecord = {
          sink: name,
          event,
          state: 'waiting',
          attempts: 0,
          nextAt: undefined,
          reason: undefined,
        };
        if (outcome.kind === 'held') await sinks.putDelivery(kept);
        else if (outcome.kind === 'refused') await this.#refused(sinks, kept, outcome.reason, now);
      }
      const position = done.at(-1)?.position ?? sink.position;
      await this.#conclude(sinks, sink, this.#judge(sink, outcomes, position, signal));
    });
    return true;
  }

  /** What nobody kept for a sink that was disabled for long. */
  async #warnOfLoss({ name, position }: SinkRecord): Promise<void> {
    const { metadata, logger } = this.#options;
    const removed = await metadata.events.removedUntil();
    if (position === undefined || removed === undefined || BigInt(removed) <= BigInt(position)) return;
    logger.warn({ sink: name, position, removed }, 'events were removed before the sink took them');
  }

  #save(fence: number, before: SinkRecord, after: SinkRecord): Promise<void> {
    return this.#commit(fence, ({ sinks }) => this.#conclude(sinks, before, after));
  }

  /** Whoever enabled or disabled the sink during the round is not overruled by it. */
  async #conclude(sinks: MetadataWriter['sinks'], before: SinkRecord, after: SinkRecord): Promise<void> {
    const present = await sinks.lock(before.name);
    if (present === undefined) return;
    const untouched = present.state === before.state && present.retryAt === before.retryAt;
    const { position } = after;
    await sinks.save({
      ...(untouched ? after : { ...present, position }),
      updatedAt: this.#options.clock.now(),
    });
  }

  /** What a round that was cut off did not get to say is not held against the sink. */
  #judge(
    sink: SinkRecord,
    outcomes: readonly SinkOutcome[],
    position: string | undefined,
    signal: AbortSignal,
  ): SinkRecord {
    const { policy, clock } = this.#options;
    const said = signal.aborted ? outcomes.filter(({ kind }) => kind !== 'unavailable') : outcomes;
    return afterRound(sink, said, position, policy, clock.now());
  }

  async #refused(
    sinks: MetadataWriter['sinks'],
    delivery: DeliveryRecord,
    reason: string,
    now: number,
  ): Promise<void> {
    const attempts = delivery.attempts + 1;
    const nextAt = nextAttempt(attempts, this.#options.policy, now);
    const { name, logger, telemetry } = this.#options;
    if (nextAt !== undefined) return sinks.putDelivery({ ...delivery, attempts, nextAt, reason });
    logger.error({ sink: name, event: delivery.event.position, reason }, 'an event was parked');
    telemetry.eventTold(name, 'parked');
    return sinks.park({ ...delivery, attempts, reason }, now);
  }

  async #deliver(events: readonly EventRecord[], signal: AbortSignal): Promise<readonly SinkOutcome[]> {
    const { sink, batching, telemetry, name } = this.#options;
    const outcomes = await deliverRound(sink, events, batching, signal);
    for (const { kind } of outcomes) if (kind !== 'held') telemetry.eventTold(name, kind);
    return outcomes;
  }

  #commit(fence: number, work: (repositories: MetadataWriter) => Promise<void>): Promise<void> {
    const { metadata, name } = this.#options;
    return metadata.transaction(async (repositories) => {
      if (await repositories.sinks.holds(name, fence)) return work(repositories);
      throw new OsproxyError('Conflict', `Another node tells sink "${name}" now.`);
    });
  }
}

function isHalt(outcome: SinkOutcome | undefined): boolean {
  return outcome?.kind === 'unavailable' || outcome?.kind === 'gone';
}
