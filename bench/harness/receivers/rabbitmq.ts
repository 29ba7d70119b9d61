import { startRabbitmq } from '../../../server/test/services/rabbitmq.ts';
import { openQueue } from '../../../server/test/services/rabbitmq-queue.ts';
import { ServiceUnavailable } from '../../../server/test/services/service-unavailable.ts';
import { stopLater } from '../processes.ts';
import { MissingTool } from '../tools.ts';
import type { Receiver } from './receiver.ts';

const EXCHANGE = 'osproxy.events';

/** A broker of the benchmark's own with one durable queue, whose consumer takes what comes. Throws MissingTool where it cannot be had. */
export async function startBroker(): Promise<Receiver> {
  const broker = await startRabbitmq().catch((error: unknown): never => {
    throw error instanceof ServiceUnavailable ? new MissingTool(error.message) : error;
  });
  stopLater(() => broker.stop());
  const queue = await openQueue({ url: broker.url, exchange: EXCHANGE, durable: 'bench', remembers: false });
  const sink = { type: 'rabbitmq', url: broker.url };
  return {
    name: 'rabbitmq',
    single: { name: 'one by one', sink: { ...sink, maxInFlight: 1 } },
    many: { name: '500 in flight', sink },
    count: () => queue.count(),
    close: () => queue.close(),
  };
}
