import { setTimeout as sleep } from 'node:timers/promises';
import type { Producer } from 'kafkajs';
import { JoinedSignal } from '#core/cancellation.ts';
import { OsproxyError } from '#core/errors.ts';
import type { Logger } from '#core/ports/logger.ts';
import { isRecordRefused, kafkaError } from './errors.ts';
import { KafkaLink } from './kafka-link.ts';
import { type KafkaSettings, timeoutMsOf } from './kafka-settings.ts';
import { loadKafkajs } from './kafkajs.ts';

const ATTEMPTS = 2;
const RETRY_MS = 200;
const CLOSE_MS = 2000;

export type KafkaCompression = 'none' | 'gzip';

/** One record; those of one key go to one partition, chosen as Java's client chooses it. */
export interface KafkaMessage {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Connected {
  readonly link: KafkaLink;
  readonly producer: Producer;
}

/**
 * Writes records and waits until all replicas in sync have them. What was not confirmed may have been written; sent again it is there twice. After
 * any failure of the cluster the connection is made anew, from the brokers of the settings on.
 */
export class KafkaProducer {
  readonly #settings: KafkaSettings;
  readonly #compression: KafkaCompression;
  readonly #logger: Logger;
  #connected: Promise<Connected> | undefined;

  constructor(settings: KafkaSettings, compression: KafkaCompression, logger: Logger) {
    this.#settings = settings;
    this.#compression = compression;
    this.#logger = logger;
  }

  /**
   * Resolves when every record is confirmed, those of one key in their order. Throws InvalidArgument when the cluster refuses one of them, and
   * Unavailable when it takes nothing, within the time of the settings. Calls that overlap keep no order between them.
   */
  async send(topic: string, messages: readonly KafkaMessage[], signal: AbortSignal): Promise<void> {
    const timeoutMs = timeoutMsOf(this.#settings);
    const ended = new JoinedSignal(signal);
    const timer = setTimeout(() => ended.abort(), timeoutMs);
    try {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await this.#attempt(topic, messages, ended.signal);
        } catch (error) {
          const told = kafkaError(error, topic);
          if (signal.aborted) throw new OsproxyError('Unavailable', 'The service is stopping.');
          if (ended.signal.aborted) throw silence(topic, timeoutMs, error);
          if (isRecordRefused(told) || attempt === ATTEMPTS) throw told;
          await sleep(RETRY_MS);
        }
      }
    } finally {
      clearTimeout(timer);
      ended.release();
    }
  }

  async close(): Promise<void> {
    const connected = this.#connected;
    this.#connected = undefined;
    if (connected === undefined) return;
    const gone = connected.then(async ({ link, producer }) => {
      await Promise.race([producer.disconnect(), sleep(CLOSE_MS, undefined, { ref: false })]).catch(() => {});
      link.abandon();
    });
    await gone.catch(() => {});
  }

  async #attempt(topic: string, messages: readonly KafkaMessage[], ended: AbortSignal): Promise<void> {
    const connecting = this.#connect();
    try {
      await unlessEnded(ended, async () => {
        const { producer } = await connecting;
        const { CompressionTypes } = await loadKafkajs();
        await producer.send({
          topic,
          acks: -1,
          timeout: timeoutMsOf(this.#settings),
          compression: this.#compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None,
          messages: messages.map(({ key, value, headers }) => ({ key, value, headers: { ...headers } })),
        });
      });
    } catch (error) {
      if (!isRecordRefused(kafkaError(error, topic))) this.#abandon(connecting);
      throw error;
    }
  }

  #connect(): Promise<Connected> {
    this.#connected ??= open(this.#settings, this.#logger);
    return this.#connected;
  }

  #abandon(connecting: Promise<Connected>): void {
    if (this.#connected === connecting) this.#connected = undefined;
    connecting.then(({ link }) => link.abandon()).catch(() => {});
  }
}

/** The library does not try again by itself: a repetition after a partial success could leave records out. */
async function open(settings: KafkaSettings, logger: Logger): Promise<Connected> {
  const { Partitioners } = await loadKafkajs();
  const link = await KafkaLink.open(settings, logger);
  const producer = link.kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    maxInFlightRequests: 1,
    retry: { retries: 0 },
  });
  try {
    await producer.connect();
    return { link, producer };
  } catch (error) {
    link.abandon();
    throw error;
  }
}

/** Rejects as soon as the signal says so, whatever the work does; its own failure is then of no interest. */
async function unlessEnded(ended: AbortSignal, work: () => Promise<void>): Promise<void> {
  ended.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(ended.reason);
  ended.addEventListener('abort', stop, { once: true });
  try {
    const working = work();
    working.catch(() => {});
    await Promise.race([working, promise]);
  } finally {
    ended.removeEventListener('abort', stop);
  }
}

function silence(topic: string, timeoutMs: number, cause: unknown): OsproxyError {
  const message = `Kafka topic ${topic}: not confirmed within ${timeoutMs / 1000} s`;
  return new OsproxyError('Unavailable', message, { cause });
}
