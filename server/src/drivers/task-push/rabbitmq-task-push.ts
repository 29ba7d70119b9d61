import type { Logger } from '#core/ports/logger.ts';
import type { DueTask, TaskPush, TaskTaker } from '#core/ports/task-push.ts';
import type { RabbitOptions } from '../rabbitmq/session.ts';
import { Announcer } from './announcer.ts';
import { Listener } from './listener.ts';

export interface RabbitTaskPushOptions {
  readonly rabbit: RabbitOptions;
  /** In front of the name of every exchange and queue. */
  readonly prefix: string;
  /** All types of which tasks may be announced. */
  readonly types: readonly string[];
  readonly logger: Logger;
}

/** Hints by RabbitMQ. While it is away nothing is announced, and everybody looks into the database as if it were not there. */
export class RabbitTaskPush implements TaskPush {
  readonly #options: RabbitTaskPushOptions;
  readonly #announcer: Announcer;
  #taker: TaskTaker | undefined;
  #listener: Listener | undefined;

  constructor(options: RabbitTaskPushOptions) {
    this.#options = options;
    this.#announcer = new Announcer({ ...options, changed: () => this.#taker?.changed() });
  }

  get reaches(): boolean {
    return this.#listener?.up === true;
  }

  /** True while hints can be given and, where this process takes some, reach it. */
  get up(): boolean {
    const takes = (this.#taker?.types.length ?? 0) > 0;
    return this.#announcer.up && (!takes || this.reaches);
  }

  /** Since the start: hints confirmed by the broker, hints that came, messages that named no task. */
  get counts(): { readonly announced: number; readonly received: number; readonly dead: number } {
    const { received = 0, dead = 0 } = this.#listener ?? {};
    return { announced: this.#announcer.announced, received, dead };
  }

  announce(tasks: readonly DueTask[], now: number): boolean {
    return this.#announcer.announce(tasks, now);
  }

  start(taker: TaskTaker): void {
    this.#taker = taker;
    this.#listener = new Listener({ ...this.#options, taker });
    this.#announcer.start();
    this.#listener.start();
  }

  roomAgain(): void {
    this.#listener?.roomAgain();
  }

  async pause(): Promise<void> {
    await this.#listener?.pause();
  }

  async close(): Promise<void> {
    await Promise.all([this.#listener?.close(), this.#announcer.close()]);
  }
}
