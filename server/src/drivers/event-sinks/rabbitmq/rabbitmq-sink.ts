import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Channel, Envelope } from 'rabbitmq-client';
import { isOsproxyError, OsproxyError } from '#core/errors.ts';
import { CLOUD_EVENT_TYPE, cloudEvent } from '#core/events/cloud-event.ts';
import type { EventRecord } from '#core/model/event.ts';
import type { EventSink, SinkOutcome } from '#core/ports/event-sink.ts';
import { explained } from '../../rabbitmq/explained.ts';
import { type RabbitOptions, RabbitSession } from '../../rabbitmq/session.ts';
import { MOST_BYTES, routingKey } from './routing-key.ts';

const DELIVERED: SinkOutcome = { kind: 'delivered' };

export interface RabbitSinkOptions extends RabbitOptions {
  readonly exchange: string;
  /** False only looks whether the exchange is there. */
  readonly declares: boolean;
  /** See routingKey(). */
  readonly routingKey: string;
  /** An event that no queue takes is refused. */
  readonly mandatory: boolean;
  /** `source` of the events. */
  readonly source: string | undefined;
}

interface Link {
  readonly session: RabbitSession;
  readonly channel: Channel;
  /** Positions of events that the broker gave back since they were sent. */
  readonly returned: Set<string>;
  /** Why the broker closed the channel. */
  reason: string | undefined;
}

/**
 * Publishes events to a topic exchange. An event is delivered when the broker has confirmed it, and the next of its subject is not sent before,
 * so that a subject keeps its order whatever breaks; events of different subjects are under way together.
 */
export class RabbitSink implements EventSink {
  readonly #options: RabbitSinkOptions;
  readonly #closing = new AbortController();
  #opening: Promise<Link> | undefined;
  #link: Link | undefined;

  constructor(options: RabbitSinkOptions) {
    this.#options = options;
  }

  async deliver(events: readonly EventRecord[], signal: AbortSignal): Promise<readonly SinkOutcome[]> {
    const batch = new Batch(this.#options, signal);
    try {
      const link = await batch.unlessHalted(this.#usable());
      const blocked = link.session.trouble;
      if (blocked !== undefined) return events.map(() => unavailable(blocked.reason));
      return await batch.publish(link, events);
    } catch (error) {
      const outcome = unavailable(explained(error));
      return events.map(() => outcome);
    } finally {
      batch.end();
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#opening?.catch(() => {});
    await this.#link?.session.close();
  }

  /** The link of before while it stands; one that is blocked stands. */
  async #usable(): Promise<Link> {
    const link = this.#link;
    if (link?.channel.active && link.session.trouble?.kind !== 'lost') return link;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    this.#link = await this.#opening;
    return this.#link;
  }

  /** A channel that was refused something is opened again on the connection that stands. */
  async #open(): Promise<Link> {
    const { exchange, declares, mandatory } = this.#options;
    const former = this.#link?.session;
    const session =
      former !== undefined && former.trouble?.kind !== 'lost'
        ? former
        : await RabbitSession.connect(this.#options, this.#closing.signal);
    const returned = new Set<string>();
    const said: { reason: string | undefined } = { reason: undefined };
    try {
      const channel = await session.openChannel(
        async (one) => {
          await one.exchangeDeclare({ exchange, type: 'topic', durable: true, passive: !declares });
          await one.confirmSelect();
          if (mandatory) one.on('basic.return', ({ messageId = '' }) => returned.add(messageId));
        },
        (reason) => {
          said.reason = reason;
        },
      );
      return Object.assign(said, { session, channel, returned });
    } catch (error) {
      session.drop('the connection was not usable');
      throw error;
    }
  }
}

/** Events on their way together; what goes wrong with the connection ends the wait of all. */
class Batch {
  readonly #options: RabbitSinkOptions;
  readonly #signal: AbortSignal;
  readonly #halt = Promise.withResolvers<never>();
  readonly #stop = () => this.#halt.reject(new OsproxyError('Cancelled', 'the service is stopping'));
  #forget = () => {};
  #late: NodeJS.Timeout | undefined;

  constructor(options: RabbitSinkOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#halt.promise.catch(() => {});
    signal.addEventListener('abort', this.#stop);
    if (signal.aborted) this.#stop();
  }

  unlessHalted<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#halt.promise]);
  }

  async publish(link: Link, events: readonly EventRecord[]): Promise<readonly SinkOutcome[]> {
    this.#watch(link.session);
    const outcomes = new Map<EventRecord, SinkOutcome>();
    const subjects = Map.groupBy(events, ({ subject }) => subject);
    await Promise.all(
      [...subjects.values()].map(async (group) => {
        let former = DELIVERED;
        for (const event of group) {
          former = former.kind === 'delivered' ? await this.#publishOne(link, event) : afterFailed(former);
          outcomes.set(event, former);
        }
      }),
    );
    return events.map((event) => outcomes.get(event) ?? unavailable('the event was not sent'));
  }

  end(): void {
    clearTimeout(this.#late);
    this.#forget();
    this.#signal.removeEventListener('abort', this.#stop);
  }

  #watch(session: RabbitSession): void {
    this.#forget = session.onTrouble(({ reason }) =>
      this.#halt.reject(new OsproxyError('Unavailable', reason)),
    );
    const { timeoutMs } = this.#options;
    this.#late = setTimeout(() => {
      const reason = `the broker confirmed nothing within ${timeoutMs / 1000} s`;
      this.#halt.reject(new OsproxyError('Unavailable', reason));
      session.drop(reason);
    }, timeoutMs);
  }

  async #publishOne(link: Link, event: EventRecord): Promise<SinkOutcome> {
    const { mandatory } = this.#options;
    const envelope = this.#envelope(event);
    if (Buffer.byteLength(envelope.routingKey ?? '') > MOST_BYTES) {
      return { kind: 'refused', reason: `its routing key is longer than ${MOST_BYTES} bytes` };
    }
    const body = Buffer.from(JSON.stringify(cloudEvent(event, this.#options.source)));
    link.returned.delete(event.position);
    try {
      await this.unlessHalted(link.channel.basicPublish(envelope, body));
      this.#late?.refresh();
      // What nobody takes is given back before it is confirmed, and told a turn later.
      if (mandatory) await nextTurn();
      if (!link.returned.delete(event.position)) return DELIVERED;
      return { kind: 'refused', reason: `no queue takes events with the key "${envelope.routingKey}"` };
    } catch (error) {
      return unavailable(this.#reasonOf(error, link));
    }
  }

  #envelope(event: EventRecord): Envelope {
    const { exchange, mandatory } = this.#options;
    const { position, type, subject, owner, at } = event;
    return {
      exchange,
      routingKey: routingKey(this.#options.routingKey, event),
      mandatory,
      durable: true,
      contentType: CLOUD_EVENT_TYPE,
      messageId: position,
      timestamp: Math.floor(at / 1000),
      type: `osproxy.${type}`,
      appId: 'osproxy',
      headers: { subject, ...(owner === undefined ? {} : { owner }) },
    };
  }

  #reasonOf(error: unknown, link: Link): string {
    if (isOsproxyError(error)) return error.message;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'NACK') return 'the broker did not keep an event: a queue is full or failed';
    if (code !== 'CH_CLOSE') link.reason = explained(error);
    return link.reason ?? link.session.trouble?.reason ?? explained(error);
  }
}

function afterFailed(former: SinkOutcome): SinkOutcome {
  return former.kind === 'refused' ? { kind: 'held' } : former;
}

function unavailable(reason: string): SinkOutcome {
  return { kind: 'unavailable', reason };
}
