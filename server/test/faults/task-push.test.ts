import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from 'rabbitmq-client';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Logger } from '#core/ports/logger.ts';
import type { DueTask, TaskTaker } from '#core/ports/task-push.ts';
import { parseRabbitUrl } from '#drivers/rabbitmq/address.ts';
import { RabbitTaskPush } from '#drivers/task-push/rabbitmq-task-push.ts';
import { type RabbitmqServer, startRabbitmq } from '#test/services/rabbitmq.ts';
import { withService } from '#test/services/shared.ts';

const WITHIN = { timeout: 30_000, interval: 20 };

interface Taker extends TaskTaker {
  readonly taken: string[];
  /** Lets one that is held go on; without any hold tasks end at once. */
  hold: Promise<void> | undefined;
  room: number;
  changes: number;
}

function takerOf(types: readonly string[], most = 4): Taker {
  const taker: Taker = {
    types: types.map((type) => ({ type, most })),
    taken: [],
    hold: undefined,
    room: most,
    changes: 0,
    hasRoom: () => taker.room > 0,
    take: async (id) => {
      taker.room -= 1;
      taker.taken.push(id);
      await taker.hold;
      taker.room += 1;
    },
    changed: () => {
      taker.changes += 1;
    },
  };
  return taker;
}

function due(id: number, more: Partial<DueTask> = {}): DueTask {
  return { id: String(id), type: 'compose', priority: 'normal', runAt: 0, ...more };
}

await withService('rabbitmq-server', () => {
  let broker: RabbitmqServer;
  let closing: (() => Promise<unknown>)[] = [];
  let warnings: string[] = [];
  beforeAll(async () => {
    broker = await startRabbitmq();
  }, 120_000);
  afterAll(() => broker?.stop());
  afterEach(async () => {
    broker.thaw();
    for (const close of closing.reverse()) await close();
    closing = [];
    warnings = [];
  });

  const logger: Logger = {
    ...{ debug: () => {}, info: () => {}, error: () => {} },
    warn: (_fields, message) => void warnings.push(message),
    child: () => logger,
  };

  async function open(prefix: string, taker: TaskTaker): Promise<RabbitTaskPush> {
    const push = new RabbitTaskPush({
      rabbit: { address: parseRabbitUrl(broker.url), tls: {}, name: 'test', timeoutMs: 2000 },
      prefix,
      types: ['compose', 'transfer'],
      logger,
    });
    push.start(taker);
    closing.push(() => push.close());
    await vi.waitFor(() => expect(push.up).toBe(true), WITHIN);
    return push;
  }

  async function clientOf(): Promise<Connection> {
    const client = new Connection(broker.url);
    client.on('error', () => {});
    closing.push(() => client.close());
    return client;
  }

  const prefixed = () => `test-${randomUUID().slice(0, 8)}`;

  describe('hints of tasks by RabbitMQ', () => {
    test('reach one of those who run the type, and no one else', async () => {
      const prefix = prefixed();
      const [one, two, other] = [takerOf(['compose']), takerOf(['compose']), takerOf(['transfer'])];
      const push = await open(prefix, one);
      await open(prefix, two);
      await open(prefix, other);
      expect(
        push.announce(
          Array.from({ length: 50 }, (_, i) => due(i)),
          0,
        ),
      ).toBe(true);
      await vi.waitFor(() => expect(one.taken.length + two.taken.length).toBe(50), WITHIN);
      expect(new Set([...one.taken, ...two.taken]).size).toBe(50);
      expect(one.taken.length).toBeGreaterThan(0);
      expect(two.taken.length).toBeGreaterThan(0);
      expect(other.taken).toEqual([]);
      expect(push.counts).toMatchObject({ announced: 50, dead: 0 });
    });

    test('come when their tasks are due, and those of a high priority first', async () => {
      const prefix = prefixed();
      const taker = takerOf(['compose'], 1);
      const push = await open(prefix, taker);
      const gate = Promise.withResolvers<void>();
      taker.hold = gate.promise;
      push.announce([due(1)], 0);
      await vi.waitFor(() => expect(taker.taken).toEqual(['1']), WITHIN);
      push.announce([due(2), due(3, { priority: 'low' }), due(4, { priority: 'high' })], 0);
      const began = performance.now();
      push.announce([due(5, { runAt: 1500 }), due(6, { runAt: 3_600_000 })], 0);
      await vi.waitFor(() => expect(push.counts.announced).toBe(5), WITHIN);
      gate.resolve();
      await vi.waitFor(() => expect(taker.taken).toEqual(['1', '4', '2', '3', '5']), WITHIN);
      expect(performance.now() - began).toBeGreaterThan(1450);
    });

    test('wait for room, are given back where there is none, and outlive who took them', async () => {
      const prefix = prefixed();
      const busy = takerOf(['compose', 'transfer'], 2);
      const push = await open(prefix, busy);
      const gate = Promise.withResolvers<void>();
      busy.hold = gate.promise;
      push.announce(
        [1, 2, 3, 4].flatMap((id) => [due(id), due(id + 10, { type: 'transfer' })]),
        0,
      );
      await vi.waitFor(() => expect(push.counts.received).toBe(4), WITHIN);
      expect(busy.taken).toHaveLength(2);
      await push.pause();
      const next = takerOf(['compose', 'transfer'], 2);
      await open(prefix, next);
      await vi.waitFor(() => expect(next.taken).toHaveLength(6), WITHIN);
      // A connection that ends gives back what was not finished.
      await push.close();
      await vi.waitFor(() => expect(new Set([...next.taken]).size).toBe(8), WITHIN);
      gate.resolve();
    });

    test('set aside what names no task, and take what comes twice twice', async () => {
      const prefix = prefixed();
      const taker = takerOf(['compose']);
      const push = await open(prefix, taker);
      const client = await clientOf();
      const publisher = client.createPublisher({ confirm: true });
      const to = { exchange: prefix, routingKey: 'compose' };
      for (const poison of [{ task: 7 }, { task: "1'; drop" }, {}, [], 'text', Buffer.from([0, 255]), null])
        await publisher.send(to, poison);
      await publisher.send({ ...to, contentType: 'application/json' }, Buffer.from('{"task":'));
      await publisher.send(to, { task: '42' });
      await publisher.send(to, { task: '42' });
      await vi.waitFor(() => expect(taker.taken).toEqual(['42', '42']), WITHIN);
      expect(push.counts.dead).toBe(8);
      await vi.waitFor(async () => {
        const { messageCount } = await client.queueDeclare({ queue: `${prefix}.dead`, passive: true });
        expect(messageCount).toBe(8);
      }, WITHIN);
      expect(warnings).toContain('a message that names no task was set aside');
      await publisher.close();
    });

    test('say that they do not reach anybody while the broker is away, and come again after it', {
      timeout: 90_000,
    }, async () => {
      const prefix = prefixed();
      const taker = takerOf(['compose']);
      const push = await open(prefix, taker);
      const { changes } = taker;
      await broker.kill();
      await vi.waitFor(() => expect(push.up || push.reaches).toBe(false), WITHIN);
      expect(push.announce([due(1)], 0)).toBe(false);
      expect(taker.changes).toBeGreaterThan(changes);
      await broker.start();
      await vi.waitFor(() => expect(push.up).toBe(true), WITHIN);
      expect(push.announce([due(2)], 0)).toBe(true);
      await vi.waitFor(() => expect(taker.taken).toEqual(['2']), WITHIN);
      expect(warnings.filter((one) => one.startsWith('RabbitMQ cannot be used')).length).toBeLessThan(6);
      const client = await clientOf();
      await client.queueDelete({ queue: `${prefix}.compose` });
      await vi.waitFor(async () => {
        push.announce([due(3)], 0);
        await sleep(100);
        expect(taker.taken).toContain('3');
      }, WITHIN);
    });

    test('go on being taken while the broker is full, and are not given', { timeout: 90_000 }, async () => {
      const prefix = prefixed();
      const taker = takerOf(['compose'], 1);
      const push = await open(prefix, taker);
      const gate = Promise.withResolvers<void>();
      taker.hold = gate.promise;
      push.announce([due(1), due(2), due(3)], 0);
      await vi.waitFor(() => expect(push.counts.announced).toBe(3), WITHIN);
      await broker.command('set_vm_memory_high_watermark', 'absolute', '1MB');
      await vi.waitFor(() => expect(push.announce([due(4)], 0)).toBe(false), WITHIN);
      gate.resolve();
      await vi.waitFor(() => expect(taker.taken).toEqual(expect.arrayContaining(['1', '2', '3'])), WITHIN);
      await broker.command('set_vm_memory_high_watermark', 'absolute', '1GB');
      await vi.waitFor(() => expect(push.announce([due(5)], 0)).toBe(true), WITHIN);
      await vi.waitFor(() => expect(taker.taken).toContain('5'), WITHIN);
    });

    test('end within bounded time when the broker says nothing', { timeout: 60_000 }, async () => {
      const push = await open(prefixed(), takerOf(['compose']));
      broker.freeze();
      await sleep(300);
      push.announce([due(1)], 0);
      const began = performance.now();
      await push.close();
      expect(performance.now() - began).toBeLessThan(10_000);
    });

    test('are asked for by the database alone where somebody else declared the queues differently', async () => {
      const prefix = prefixed();
      const client = await clientOf();
      await client.queueDeclare({ queue: `${prefix}.compose`, durable: false });
      const push = new RabbitTaskPush({
        rabbit: { address: parseRabbitUrl(broker.url), tls: {}, name: 'test', timeoutMs: 2000 },
        ...{ prefix, types: ['compose'], logger },
      });
      closing.push(() => push.close());
      push.start(takerOf(['compose']));
      await vi.waitFor(() => expect(warnings.length).toBeGreaterThan(0), WITHIN);
      expect(push.up).toBe(false);
      expect(push.announce([due(1)], 0)).toBe(false);
    });
  });
});
