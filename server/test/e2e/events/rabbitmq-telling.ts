import type { Queue } from '#test/services/rabbitmq-queue.ts';
import type { RunningService } from '../service.ts';
import { call } from './event-client.ts';

interface Sink {
  readonly name: string;
  readonly state: string;
  readonly lag: number;
  readonly waiting: number;
  readonly parked: number;
  readonly reason?: string;
}

/** How the sink of that name stands, or the only one. */
export async function sinkOf(service: RunningService, name?: string): Promise<Sink> {
  const { sinks } = (await call(service, 'GET', '/event-sinks')).body as { sinks: Sink[] };
  const sink = sinks.find((one) => name === undefined || one.name === name);
  if (sink === undefined) throw new Error('the sink has not begun');
  return sink;
}

interface Told {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly data: { readonly name?: string };
}

/** The events that came, each once, as a consumer sees them that remembers ids. */
export function toldBy(queue: Queue): Told[] {
  const byId = new Map(
    queue.messages.map(({ body }) => JSON.parse(String(body)) as Told).map((one) => [one.id, one]),
  );
  return [...byId.values()];
}
