import type { Queue } from '#test/services/rabbitmq-queue.ts';

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
