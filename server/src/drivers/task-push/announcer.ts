import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#core/ports/logger.ts';
import type { DueTask } from '#core/ports/task-push.ts';
import { KeptChannel } from '../rabbitmq/kept-channel.ts';
import type { RabbitOptions } from '../rabbitmq/session.ts';
import { declareTopology, exchangeFor, PRIORITIES } from './topology.ts';

/** Hints under way at once; with more, the broker is slower than tasks come, and the database is asked instead. */
const MOST_PENDING = 10_000;
const FLUSH_MS = 2_000;

interface AnnouncerOptions {
  readonly rabbit: RabbitOptions;
  readonly prefix: string;
  /** Types that have a queue. */
  readonly types: readonly string[];
  readonly logger: Logger;
  readonly changed: () => void;
}

/** Publishes hints. It has a connection of its own, since a broker that is full blocks those that publish. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #kept: KeptChannel;
  readonly #sending = new Set<Promise<void>>();
  #late: NodeJS.Timeout | undefined;
  #announced = 0;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    const { rabbit, prefix, types, logger, changed } = options;
    this.#kept = new KeptChannel({
      ...{ logger, changed },
      rabbit: { ...rabbit, name: `${rabbit.name}, telling` },
      prepare: async (channel) => {
        await declareTopology(channel, prefix, types);
        await channel.confirmSelect();
      },
    });
  }

  /** Hints that the broker has confirmed. */
  get announced(): number {
    return this.#announced;
  }

  get up(): boolean {
    return this.#kept.usable !== undefined;
  }

  start(): void {
    this.#kept.start();
  }

  announce(tasks: readonly DueTask[], now: number): boolean {
    if (this.#kept.usable === undefined || this.#sending.size + tasks.length > MOST_PENDING) return false;
    for (const task of tasks) this.#send(task, now);
    return true;
  }

  /** Waits a moment for what is under way. */
  async close(): Promise<void> {
    await Promise.race([Promise.all(this.#sending), sleep(FLUSH_MS, undefined, { ref: false })]);
    clearTimeout(this.#late);
    await this.#kept.close();
  }

  #send({ id, type, priority, runAt }: DueTask, now: number): void {
    const channel = this.#kept.usable;
    const exchange = exchangeFor(this.#options.prefix, runAt - now);
    if (channel === undefined || exchange === undefined) return;
    const about = { exchange, routingKey: type, messageId: id, priority: PRIORITIES[priority] };
    const sending: Promise<void> = channel
      .basicPublish({ ...about, durable: true, appId: 'osproxy' }, { task: id })
      .then(() => {
        this.#announced += 1;
        this.#late?.refresh();
      })
      // What was not told is found in the database.
      .catch(() => {})
      .finally(() => {
        this.#sending.delete(sending);
        if (this.#sending.size === 0) clearTimeout(this.#late);
      });
    if (this.#sending.size === 0) this.#watch();
    this.#sending.add(sending);
  }

  #watch(): void {
    const { timeoutMs } = this.#options.rabbit;
    clearTimeout(this.#late);
    this.#late = setTimeout(
      () => this.#kept.drop(`the broker confirmed nothing within ${timeoutMs / 1000} s`),
      timeoutMs,
    );
    this.#late.unref();
  }
}
