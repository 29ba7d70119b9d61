import { randomUUID } from 'node:crypto';
import type { Consumer } from 'kafkajs';
import { loadKafkajs } from '#drivers/kafka/kafkajs.ts';

interface KafkaRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface KafkaReader {
  /** What came so far; of one partition in its order. */
  readonly records: readonly KafkaRecord[];
  close(): Promise<void>;
}

/**
 * Reads a topic from its beginning on, as the only member of a consumer group. Where the client gives up, as it does after some errors of brokers that went
 * away, another reads from the beginning, so that records may come again.
 */
export async function readTopic(brokers: readonly string[], topic: string): Promise<KafkaReader> {
  const { Kafka, logLevel } = await loadKafkajs();
  const kafka = new Kafka({
    clientId: 'reader',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 100 },
  });
  const records: KafkaRecord[] = [];
  let isClosed = false;
  let consumer = await begin();
  return {
    records,
    close: () => {
      isClosed = true;
      return consumer.disconnect();
    },
  };

  async function replace(broken: Consumer): Promise<void> {
    await broken.disconnect();
    if (isClosed) return;
    consumer = await begin();
    if (isClosed) await consumer.disconnect();
  }

  async function begin(): Promise<Consumer> {
    const one = kafka.consumer({ groupId: `reader-${randomUUID()}`, maxWaitTimeInMs: 50 });
    one.on(one.events.CRASH, ({ payload }) => {
      // Where another cannot begin either, records stay away, and whoever waits for them tells of it.
      if (!payload.restart) replace(one).catch(() => {});
    });
    await one.connect();
    await one.subscribe({ topic, fromBeginning: true });
    await one.run({
      eachMessage: async ({ topic: from, partition, message }) => {
        const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]);
        records.push({
          ...{ topic: from, partition },
          key: message.key?.toString() ?? '',
          value: message.value?.toString() ?? '',
          headers: Object.fromEntries(headers),
        });
      },
    });
    return one;
  }
}
