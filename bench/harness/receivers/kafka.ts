import { KafkaMock } from '../../../server/test/services/kafka.ts';
import { readTopic } from '../../../server/test/services/kafka-reader.ts';
import { ServiceUnavailable } from '../../../server/test/services/service-unavailable.ts';
import { stopLater } from '../processes.ts';
import { MissingTool } from '../tools.ts';
import type { Receiver } from './receiver.ts';

const TOPIC = 'osproxy.events';
const PARTITIONS = 4;

/** The mock cluster of librdkafka with one topic, whose consumer takes what comes. Throws MissingTool where it cannot be had. */
export async function startCluster(): Promise<Receiver> {
  const cluster = await KafkaMock.start().catch((error: unknown): never => {
    throw error instanceof ServiceUnavailable ? new MissingTool(error.message) : error;
  });
  stopLater(() => cluster.kill());
  await cluster.topic(TOPIC, PARTITIONS);
  const reader = await readTopic(cluster.brokers, TOPIC);
  const sink = { type: 'kafka', brokers: cluster.brokers, topic: TOPIC };
  return {
    name: 'kafka',
    single: { name: 'one by one', sink: { ...sink, batchEvents: 1 } },
    many: { name: 'batches of 500', sink },
    count: () => reader.records.length,
    close: () => reader.close(),
  };
}
