import { type AsyncMessage, Connection } from 'rabbitmq-client';

export interface QueueOptions {
  readonly url: string;
  readonly exchange: string;
  /** Pattern of routing keys. */
  readonly binding?: string;
  /** A queue that outlives the broker; deleted with the connection otherwise. */
  readonly durable?: string;
  readonly queueArguments?: Readonly<Record<string, unknown>>;
  /** False only counts what comes. */
  readonly remembers?: boolean;
}

export interface Queue {
  readonly name: string;
  /** What came so far, with what came twice. */
  readonly messages: readonly AsyncMessage[];
  count(): number;
  close(): Promise<void>;
}

/** A queue that is bound to a durable topic exchange, and a consumer that takes and remembers all that comes, also after the broker was away. */
export async function openQueue(options: QueueOptions): Promise<Queue> {
  const { url, exchange, binding = '#', durable, queueArguments = {}, remembers = true } = options;
  const connection = new Connection({ url, retryLow: 100, retryHigh: 500 });
  connection.on('error', () => {});
  const queue = durable ?? `test-${crypto.randomUUID()}`;
  const messages: AsyncMessage[] = [];
  let count = 0;
  const consumer = connection.createConsumer(
    {
      queue,
      queueOptions: {
        ...(durable === undefined ? { exclusive: true } : { durable: true }),
        arguments: { ...queueArguments },
      },
      qos: { prefetchCount: 200 },
      exchanges: [{ exchange, type: 'topic', durable: true }],
      queueBindings: [{ exchange, routingKey: binding }],
    },
    async (message) => {
      count += 1;
      if (remembers) messages.push(message);
    },
  );
  consumer.on('error', () => {});
  await new Promise((resolve) => consumer.once('ready', resolve));
  return {
    name: queue,
    messages,
    count: () => count,
    close: async () => {
      connection.unsafeDestroy();
    },
  };
}
