import type { Channel } from 'rabbitmq-client';

/** Delays that have a queue of their own, in seconds; what is due later is left to the database. */
const WAITS = [1, 2, 3, 4, 6, 8, 10] as const;
const DEAD_KEPT = 10_000;
/** Higher ones overtake within a queue. */
export const PRIORITIES = { low: 0, normal: 1, high: 2 } as const;

const DURABLE = { durable: true } as const;

export function queueOf(prefix: string, type: string): string {
  return `${prefix}.${type}`;
}

/** The exchange for a hint that shall arrive after the delay, not before; undefined where there is none. */
export function exchangeFor(prefix: string, delayMs: number): string | undefined {
  if (delayMs <= 0) return prefix;
  const seconds = WAITS.find((wait) => wait * 1000 >= delayMs);
  return seconds === undefined ? undefined : waitOf(prefix, seconds);
}

function waitOf(prefix: string, seconds: number): string {
  return `${prefix}.wait.${seconds}s`;
}

function deadOf(prefix: string): string {
  return `${prefix}.dead`;
}

/**
 * A queue for each type, one for each delay, whose messages go on to the queue of their type when it is over, and one for messages that nobody
 * understands. Declaring what is there changes nothing.
 */
export async function declareTopology(
  channel: Channel,
  prefix: string,
  types: readonly string[],
): Promise<void> {
  const dead = deadOf(prefix);
  await channel.exchangeDeclare({ exchange: prefix, type: 'direct', ...DURABLE });
  await channel.exchangeDeclare({ exchange: dead, type: 'fanout', ...DURABLE });
  await channel.queueDeclare({ queue: dead, ...DURABLE, arguments: { 'x-max-length': DEAD_KEPT } });
  await channel.queueBind({ exchange: dead, queue: dead });
  for (const seconds of WAITS) {
    const wait = waitOf(prefix, seconds);
    const onward = { 'x-message-ttl': seconds * 1000, 'x-dead-letter-exchange': prefix };
    await channel.exchangeDeclare({ exchange: wait, type: 'fanout', ...DURABLE });
    await channel.queueDeclare({ queue: wait, ...DURABLE, arguments: onward });
    await channel.queueBind({ exchange: wait, queue: wait });
  }
  const refused = { 'x-dead-letter-exchange': dead, 'x-max-priority': PRIORITIES.high };
  for (const type of types) {
    const queue = queueOf(prefix, type);
    await channel.queueDeclare({ queue, ...DURABLE, arguments: refused });
    await channel.queueBind({ exchange: prefix, queue, routingKey: type });
  }
}
