import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from 'rabbitmq-client';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { EventRecord } from '#core/model/event.ts';
import { systemClock } from '#core/ports/clock.ts';
import type { EventSink } from '#core/ports/event-sink.ts';
import { freePort } from '#test/services/ports.ts';
import { openQueue } from '#test/services/rabbitmq-queue.ts';
import { withService } from '#test/services/shared.ts';
import { TcpFaultProxy } from '#test/services/tcp-fault-proxy.ts';
import { silentLogger } from '#test/silent-logger.ts';
import { rabbitmq } from './index.ts';

const WITHIN = { timeout: 20_000, interval: 20 };
const never = new AbortController().signal;

function event(position: number, subject = '77', more: Partial<EventRecord> = {}): EventRecord {
  return {
    position: String(position),
    type: 'file.ready',
    subject,
    owner: 'shop.one',
    at: 1_772_357_400_000,
    data: { uid: subject, name: 'a/b “ü”.txt' },
    ...more,
  };
}

function events(count: number, subjects: number): EventRecord[] {
  return Array.from({ length: count }, (_, i) => event(i + 1, `s${i % subjects}`));
}

await withService('rabbitmq', ({ url }) => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  const exchangeName = () => {
    const exchange = `test-${randomUUID()}`;
    closing.push(async () => {
      const connection = new Connection(url);
      await connection.exchangeDelete({ exchange });
      await connection.close();
    });
    return exchange;
  };

  const sinkOf = (settings: Parameters<typeof rabbitmq.create>[0]): EventSink => {
    const given = { url, timeoutSeconds: 5, ...settings };
    const { sink } = rabbitmq.create(given, {
      source: 'https://files.example.com',
      clock: systemClock,
      logger: silentLogger,
    });
    closing.push(() => sink.close());
    return sink;
  };

  const kinds = async (sink: EventSink, batch: readonly EventRecord[]) =>
    (await sink.deliver(batch, never)).map(({ kind }) => kind);

  /** What it says of one event that it does not take. */
  const reasonOf = async (sink: EventSink) => {
    const [outcome] = await sink.deliver([event(1)], never);
    return outcome?.kind === 'unavailable' || outcome?.kind === 'refused'
      ? `${outcome.kind}: ${outcome.reason}`
      : outcome?.kind;
  };

  const queueOf = async (exchange: string, binding = '#', queueArguments = {}) => {
    const queue = await openQueue({ url, exchange, binding, queueArguments });
    closing.push(() => queue.close());
    return queue;
  };

  describe('a sink of RabbitMQ', () => {
    test('publishes an event as a persistent CloudEvent that queues can choose', async () => {
      const exchange = exchangeName();
      const all = await queueOf(exchange);
      const ready = await queueOf(exchange, 'file.ready.shop_one.*');
      const sink = sinkOf({ exchange, routingKey: '{type}.{owner}.{subject}' });
      const plain = event(2, 'n1', { type: 'node.joined', owner: undefined, data: { node: 'n1' } });
      expect(await kinds(sink, [event(1), plain])).toEqual(['delivered', 'delivered']);
      await vi.waitFor(() => expect(all.messages).toHaveLength(2), WITHIN);
      const message = all.messages.find(({ messageId }) => messageId === '1');
      expect(message).toMatchObject({
        routingKey: 'file.ready.shop_one.77',
        contentType: 'application/cloudevents+json',
        durable: true,
        messageId: '1',
        timestamp: 1_772_357_400,
        type: 'osproxy.file.ready',
        appId: 'osproxy',
        headers: { subject: '77', owner: 'shop.one' },
      });
      expect(JSON.parse(String(message?.body))).toEqual({
        specversion: '1.0',
        id: '1',
        source: 'https://files.example.com',
        type: 'osproxy.file.ready',
        subject: '77',
        time: '2026-03-01T09:30:00.000Z',
        datacontenttype: 'application/json',
        owner: 'shop.one',
        data: { uid: '77', name: 'a/b “ü”.txt' },
      });
      await vi.waitFor(() => expect(ready.messages.map(({ messageId }) => messageId)).toEqual(['1']), WITHIN);
      const other = all.messages.find(({ messageId }) => messageId === '2');
      expect(other).toMatchObject({ routingKey: 'node.joined.-.n1', headers: { subject: 'n1' } });
    });

    test('keeps the order of each subject, and remembers nothing of a batch', async () => {
      const exchange = exchangeName();
      const queue = await queueOf(exchange);
      const sink = sinkOf({ exchange });
      const batch = events(500, 20);
      expect(new Set(await kinds(sink, batch))).toEqual(new Set(['delivered']));
      expect(new Set(await kinds(sink, batch))).toEqual(new Set(['delivered']));
      await vi.waitFor(() => expect(queue.messages).toHaveLength(1000), WITHIN);
      const first = queue.messages.slice(0, 500);
      for (const [subject, own] of Map.groupBy(first, ({ headers }) => headers?.subject)) {
        const wanted = batch.filter((one) => one.subject === subject).map(({ position }) => position);
        expect(own.map(({ messageId }) => messageId)).toEqual(wanted);
      }
    });

    test('tells nobody, or refuses, what no queue takes', async () => {
      const exchange = exchangeName();
      const other = { type: 'link.created' } as const;
      expect(await kinds(sinkOf({ exchange }), [event(1)])).toEqual(['delivered']);
      await queueOf(exchange, 'file.*');
      const sink = sinkOf({ exchange, mandatory: true });
      const batch = [event(1), event(2, '77', other), event(3), event(4, '88'), event(5, '99', other)];
      expect(await sink.deliver(batch, never)).toEqual([
        { kind: 'delivered' },
        { kind: 'refused', reason: 'no queue takes events with the key "link.created"' },
        { kind: 'held' },
        { kind: 'delivered' },
        { kind: 'refused', reason: 'no queue takes events with the key "link.created"' },
      ]);
    });

    test('refuses an event whose routing key is too long', async () => {
      const sink = sinkOf({ exchange: exchangeName(), routingKey: '{owner}' });
      const long = event(1, '77', { owner: 'ü'.repeat(128) });
      expect(await sink.deliver([long, event(2, '78')], never)).toEqual([
        { kind: 'refused', reason: 'its routing key is longer than 255 bytes' },
        { kind: 'delivered' },
      ]);
    });

    test('waits, and goes on by itself, while a queue is full', async () => {
      const exchange = exchangeName();
      const connection = new Connection(url);
      closing.push(() => connection.close());
      const queue = `test-${randomUUID()}`;
      const limits = { 'x-max-length': 2, 'x-overflow': 'reject-publish' } as const;
      await connection.exchangeDeclare({ exchange, type: 'topic', durable: true });
      await connection.queueDeclare({ queue, exclusive: true, arguments: limits });
      await connection.queueBind({ exchange, queue, routingKey: '#' });
      const sink = sinkOf({ exchange, maxInFlight: 1 });
      for (const position of [1, 2]) expect(await kinds(sink, [event(position)])).toEqual(['delivered']);
      const full = 'unavailable: the broker did not keep an event: a queue is full or failed';
      await vi.waitFor(async () => expect(await reasonOf(sink)).toBe(full), WITHIN);
      await connection.queuePurge({ queue });
      expect(await kinds(sink, [event(4)])).toEqual(['delivered']);
    });

    test('makes its exchange once more when somebody deleted it, and says so where it may not', async () => {
      const exchange = exchangeName();
      const connection = new Connection(url);
      closing.push(() => connection.close());
      const sink = sinkOf({ exchange });
      expect(await kinds(sink, [event(1)])).toEqual(['delivered']);
      await connection.exchangeDelete({ exchange });
      expect(await reasonOf(sink)).toMatch(/^unavailable: the broker does not have .*no exchange 'test-/);
      expect(await kinds(sink, [event(1)])).toEqual(['delivered']);
      await connection.exchangeDelete({ exchange });
      const passive = sinkOf({ exchange, declareExchange: false });
      expect(await reasonOf(passive)).toMatch(/^unavailable: the broker does not have .*no exchange 'test-/);
      await connection.exchangeDeclare({ exchange, type: 'fanout', durable: false });
      expect(await reasonOf(passive)).toBe('delivered');
      expect(await reasonOf(sinkOf({ exchange }))).toMatch(/^unavailable: .*with other properties.*type/);
    });

    test('says in one sentence why it cannot log in, and never the password', async () => {
      const { hostname, port } = new URL(url);
      const nobody = sinkOf({ url: `amqp://guest:hunter2@${hostname}:${port}` });
      expect(await reasonOf(nobody)).toMatch(/^unavailable: the broker refused the user: check the name/);
      const elsewhere = new URL(url);
      elsewhere.pathname = '/no%2Fwhere';
      expect(await reasonOf(sinkOf({ url: elsewhere.href }))).toBe(
        'unavailable: the broker has no virtual host "no/where"',
      );
      const silent = sinkOf({ url: `amqp://guest:hunter2@127.0.0.1:${await freePort()}` });
      expect(await reasonOf(silent)).toBe(
        'unavailable: the broker cannot be reached: nothing listens at its address',
      );
    });

    test('tries every node of a cluster', async () => {
      const { host, username, password } = new URL(url);
      const list = `amqp://${username}:${password}@127.0.0.1:${await freePort()},${host}`;
      for (let i = 0; i < 4; i++) {
        const sink = sinkOf({ url: list, exchange: exchangeName() });
        expect(await reasonOf(sink)).toBe('delivered');
      }
    });

    test('takes what a broken connection did not confirm for not delivered, and connects anew', async () => {
      const proxy = await TcpFaultProxy.start(Number(new URL(url).port));
      closing.push(() => proxy.close());
      const far = new URL(url);
      far.port = String(proxy.port);
      const exchange = exchangeName();
      const queue = await queueOf(exchange);
      const sink = sinkOf({ url: far.href, exchange, timeoutSeconds: 1 });
      const batch = events(100, 100);
      expect(await kinds(sink, batch)).toEqual(batch.map(() => 'delivered'));
      for (const how of ['reset', 'end', 'silence'] as const) {
        proxy.set({ breaking: { direction: 'up', afterBytes: 9000, how } });
        const broken = await sink.deliver(batch, never);
        expect(broken.filter(({ kind }) => kind === 'unavailable').length).toBeGreaterThan(0);
        proxy.set({ breaking: { direction: 'down', afterBytes: 0, how } });
        await sink.deliver(batch, never);
        proxy.set({});
        await vi.waitFor(
          async () => expect(await kinds(sink, batch)).toEqual(batch.map(() => 'delivered')),
          WITHIN,
        );
      }
      proxy.set({ deaf: true });
      proxy.reset();
      await vi.waitFor(
        async () =>
          expect(await reasonOf(sink)).toBe(
            'unavailable: the broker cannot be reached: it does not answer in time',
          ),
        WITHIN,
      );
      await proxy.refuse();
      expect(await reasonOf(sink)).toMatch(/nothing listens/);
      expect(new Set(queue.messages.map(({ messageId }) => messageId)).size).toBe(100);
    });

    test('a broker that confirms nothing holds up neither a batch nor the end', async () => {
      const proxy = await TcpFaultProxy.start(Number(new URL(url).port));
      closing.push(() => proxy.close());
      const far = new URL(url);
      far.port = String(proxy.port);
      const sink = sinkOf({ url: far.href, exchange: exchangeName(), timeoutSeconds: 1 });
      expect(await kinds(sink, [event(1)])).toEqual(['delivered']);
      proxy.set({ breaking: { direction: 'down', afterBytes: 0, how: 'silence' } });
      expect(await reasonOf(sink)).toBe('unavailable: the broker confirmed nothing within 1 s');
      proxy.set({});
      expect(await kinds(sink, [event(1)])).toEqual(['delivered']);
      proxy.set({ breaking: { direction: 'down', afterBytes: 0, how: 'silence' } });
      const leaving = new AbortController();
      const began = performance.now();
      const asked = sink.deliver([event(2)], leaving.signal);
      await sleep(50);
      leaving.abort();
      expect(await asked).toEqual([{ kind: 'unavailable', reason: 'the service is stopping' }]);
      await sink.close();
      expect(performance.now() - began).toBeLessThan(8000);
    });
  });
});
