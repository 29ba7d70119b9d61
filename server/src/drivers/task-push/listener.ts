import type { AsyncMessage, Channel } from 'rabbitmq-client';
import type { Logger } from '#core/ports/logger.ts';
import type { TaskTaker } from '#core/ports/task-push.ts';
import { KeptChannel } from '../rabbitmq/kept-channel.ts';
import type { RabbitOptions } from '../rabbitmq/session.ts';
import { declareTopology, queueOf } from './topology.ts';

/** Brokers close the channel of a consumer that keeps a message for half an hour; a task that takes long is held by its lease alone. */
const KEEP_MS = 600_000;

interface ListenerOptions {
  readonly rabbit: RabbitOptions;
  readonly prefix: string;
  readonly taker: TaskTaker;
  readonly logger: Logger;
}

interface Hint {
  readonly id: string;
  readonly type: string;
  readonly deliveryTag: number;
  readonly channel: Channel;
  /** Gives it back when there was no room for long. */
  readonly giveBack: NodeJS.Timeout;
}

/** Takes hints of the types that this process runs, so many at once as it may run, and acknowledges each when its task is over. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #kept: KeptChannel;
  /** What came while there was no room. */
  #waiting: Hint[] = [];
  #consumers: readonly string[] = [];
  #paused = false;
  #received = 0;
  #dead = 0;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { rabbit, logger, taker } = options;
    this.#kept = new KeptChannel({
      logger,
      rabbit: { ...rabbit, name: `${rabbit.name}, listening` },
      prepare: (channel) => this.#consume(channel),
      changed: () => {
        this.#waiting = this.#waiting.filter(({ channel }) => channel.active);
        taker.changed();
      },
    });
  }

  get up(): boolean {
    return this.#kept.usable !== undefined;
  }

  get received(): number {
    return this.#received;
  }

  /** Messages that nobody understood. */
  get dead(): number {
    return this.#dead;
  }

  start(): void {
    if (this.#options.taker.types.length > 0) this.#kept.start();
  }

  /** Gives what waits back to the others, and takes no more. */
  async pause(): Promise<void> {
    this.#paused = true;
    for (const hint of [...this.#waiting]) this.#giveBack(hint);
    const channel = this.#kept.usable;
    if (channel === undefined) return;
    for (const consumerTag of this.#consumers) await channel.basicCancel({ consumerTag }).catch(() => {});
  }

  close(): Promise<void> {
    return this.#kept.close();
  }

  roomAgain(): void {
    for (let next = this.#nextWithRoom(); next !== undefined; next = this.#nextWithRoom()) {
      void this.#run(next);
    }
  }

  async #consume(channel: Channel): Promise<void> {
    const { prefix, taker } = this.#options;
    const types = taker.types.map(({ type }) => type);
    await declareTopology(channel, prefix, types);
    if (this.#paused) return;
    channel.on('basic.cancel', () => this.#kept.drop('the broker took the queue away'));
    const consumers: string[] = [];
    for (const { type, most } of taker.types) {
      await channel.basicQos({ prefetchCount: most });
      const { consumerTag } = await channel.basicConsume({ queue: queueOf(prefix, type) }, (message) =>
        this.#onMessage(channel, type, message),
      );
      consumers.push(consumerTag);
    }
    this.#consumers = consumers;
  }

  #onMessage(channel: Channel, type: string, message: AsyncMessage): void {
    const { deliveryTag } = message;
    const id = taskIn(message.body);
    if (this.#paused) {
      ifOpen(channel, () => channel.basicNack({ deliveryTag, requeue: true }));
    } else if (id === undefined) {
      this.#dead += 1;
      this.#options.logger.warn({ type }, 'a message that names no task was set aside');
      ifOpen(channel, () => channel.basicNack({ deliveryTag, requeue: false }));
    } else {
      this.#received += 1;
      const giveBack = setTimeout(() => this.#giveBack(hint), KEEP_MS);
      giveBack.unref();
      const hint: Hint = { id, type, deliveryTag, channel, giveBack };
      this.#waiting.push(hint);
      this.roomAgain();
    }
  }

  #giveBack(hint: Hint): void {
    clearTimeout(hint.giveBack);
    this.#waiting = this.#waiting.filter((one) => one !== hint);
    const { channel, deliveryTag } = hint;
    ifOpen(channel, () => channel.basicNack({ deliveryTag, requeue: true }));
  }

  #nextWithRoom(): Hint | undefined {
    const index = this.#waiting.findIndex(({ type }) => this.#options.taker.hasRoom(type));
    return index === -1 ? undefined : this.#waiting.splice(index, 1)[0];
  }

  async #run({ id, type, deliveryTag, channel, giveBack }: Hint): Promise<void> {
    clearTimeout(giveBack);
    let timer: NodeJS.Timeout | undefined;
    const long = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, KEEP_MS);
      timer.unref();
    });
    await Promise.race([this.#options.taker.take(id, type), long]);
    clearTimeout(timer);
    ifOpen(channel, () => channel.basicAck({ deliveryTag }));
    this.roomAgain();
  }
}

/** A message whose channel is gone comes again, here or elsewhere. */
function ifOpen(channel: Channel, work: () => void): void {
  if (channel.active) work();
}

function taskIn(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('task' in body)) return undefined;
  return typeof body.task === 'string' && /^\d{1,20}$/.test(body.task) ? body.task : undefined;
}
