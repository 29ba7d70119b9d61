import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from 'rabbitmq-client';
import type { Logger } from '#core/ports/logger.ts';
import { explained } from './explained.ts';
import { type RabbitOptions, RabbitSession } from './session.ts';

const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 15_000;

interface KeptChannelOptions {
  readonly rabbit: RabbitOptions;
  readonly logger: Logger;
  /** Sets a new channel up, each time there is one. */
  readonly prepare: (channel: Channel) => Promise<void>;
  /** The channel has come, gone, or was blocked. */
  readonly changed: () => void;
}

/** A channel that is opened again with growing pauses whenever it is lost, until close(). The log says once why it is away, and when it is back. */
export class KeptChannel {
  readonly #options: KeptChannelOptions;
  readonly #closing = new AbortController();
  #current: { readonly session: RabbitSession; readonly channel: Channel } | undefined;
  #running: Promise<void> | undefined;
  #said: string | undefined;

  constructor(options: KeptChannelOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** undefined while there is none, or the broker takes nothing. */
  get usable(): Channel | undefined {
    const { session, channel } = this.#current ?? {};
    return channel?.active && session?.trouble === undefined ? channel : undefined;
  }

  /** Gives the connection up, to make a new one. */
  drop(reason: string): void {
    this.#current?.session.drop(reason);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#current?.session.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let backoffMs = BACKOFF_MIN_MS;
    while (!signal.aborted) {
      const began = performance.now();
      const reason = await this.#once();
      if (signal.aborted) return;
      this.#say(reason);
      if (performance.now() - began > BACKOFF_MAX_MS) backoffMs = BACKOFF_MIN_MS;
      await sleep(backoffMs * (0.5 + Math.random() / 2), undefined, { signal, ref: false }).catch(() => {});
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
    }
  }

  /** Resolves why the channel was lost or could not be had. */
  async #once(): Promise<string> {
    const { rabbit, prepare, changed, logger } = this.#options;
    const { signal } = this.#closing;
    let session: RabbitSession | undefined;
    let refusal: string | undefined;
    const stop = () => {
      if (this.#current === undefined) session?.drop('the service is stopping');
    };
    signal.addEventListener('abort', stop);
    try {
      session = await RabbitSession.connect(rabbit, signal);
      const channel = await session.openChannel(prepare, (reason) => {
        refusal = reason;
      });
      const closed = channel.active ? once(channel, 'close') : undefined;
      this.#current = { session, channel };
      session.onTrouble(changed);
      if (this.#said !== undefined) logger.info({ connection: rabbit.name }, 'RabbitMQ is back');
      this.#said = undefined;
      changed();
      await closed;
      return refusal ?? session.trouble?.reason ?? 'the broker closed the channel';
    } catch (error) {
      return explained(error);
    } finally {
      signal.removeEventListener('abort', stop);
      session?.drop('the channel is over');
      this.#current = undefined;
      if (!signal.aborted) changed();
    }
  }

  #say(reason: string): void {
    if (this.#said === reason) return;
    this.#said = reason;
    const { logger, rabbit } = this.#options;
    logger.warn({ connection: rabbit.name, reason }, 'RabbitMQ cannot be used; tried again until it can');
  }
}
