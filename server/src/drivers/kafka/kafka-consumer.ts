import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer } from 'kafkajs';
import { toOsproxyError } from '#core/errors.ts';
import type { Logger } from '#core/ports/logger.ts';
import { KafkaLink } from './kafka-link.ts';
import type { KafkaSettings } from './kafka-settings.ts';

const RETRY_MS = 500;
const REOPEN_MS = 2000;
const CLOSE_MS = 5000;
const SESSION_MS = 10_000;

export interface KafkaConsumerOptions {
  readonly settings: KafkaSettings;
  readonly topic: string;
  readonly group: string;
  /** Partitions that are worked on at once. */
  readonly lanes: number;
  readonly logger: Logger;
  /** Values of one partition in their order. What it resolves for is committed; a rejection is tried again. */
  readonly work: (values: readonly string[]) => Promise<void>;
}

/** Reads a topic as a member of a group: each partition one batch after the other, several at once. Comes back by itself whatever happens to the cluster. */
export class KafkaConsumer {
  readonly #options: KafkaConsumerOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: KafkaConsumerOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { logger, topic } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#read(signal);
      } catch (error) {
        logger.warn({ err: toOsproxyError(error), topic }, 'the topic cannot be read for now');
      }
      if (!signal.aborted) await sleep(REOPEN_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Until the signal, or until the library gives up. */
  async #read(signal: AbortSignal): Promise<void> {
    const { settings, topic, group, lanes, logger, work } = this.#options;
    const link = await KafkaLink.open(settings, logger);
    const consumer = link.kafka.consumer({
      groupId: group,
      sessionTimeout: SESSION_MS,
      maxWaitTimeInMs: 500,
    });
    const over = Promise.withResolvers<void>();
    const end = () => over.resolve();
    signal.addEventListener('abort', end, { once: true });
    consumer.on('consumer.crash', ({ payload }) => {
      if (!payload.restart) over.reject(payload.error);
    });
    try {
      const opening = (async () => {
        await consumer.connect();
        await consumer.subscribe({ topic, fromBeginning: true });
        await consumer.run({
          partitionsConsumedConcurrently: lanes,
          eachBatch: async ({ batch, heartbeat, isRunning, isStale }) => {
            const values = batch.messages.map(({ value }) => value?.toString('utf8') ?? '');
            const going = () => isRunning() && !isStale() && !signal.aborted;
            await untilDone(() => work(values), heartbeat, going, logger);
          },
        });
      })();
      opening.catch(over.reject);
      await over.promise;
    } finally {
      signal.removeEventListener('abort', end);
      await closed(consumer);
      link.abandon();
    }
  }
}

/** Throws when it is not done and nobody may go on, so that nothing is committed. */
async function untilDone(
  work: () => Promise<void>,
  heartbeat: () => Promise<void>,
  going: () => boolean,
  logger: Logger,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries === 1)
        logger.warn({ err: error }, 'records of a topic could not be worked on; they are tried again');
      if (!going()) throw error;
    }
    await sleep(RETRY_MS);
    await heartbeat();
  }
}

async function closed(consumer: Consumer): Promise<void> {
  await Promise.race([consumer.disconnect(), sleep(CLOSE_MS, undefined, { ref: false })]).catch(() => {});
}
