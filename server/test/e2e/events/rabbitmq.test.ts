import { randomUUID } from 'node:crypto';
import { Connection } from 'rabbitmq-client';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openQueue, type Queue } from '#test/services/rabbitmq-queue.ts';
import { withService } from '#test/services/shared.ts';
import { type RunningService, startService } from '../service.ts';
import { call, put, sinkOf } from './event-client.ts';
import { toldBy } from './rabbitmq-telling.ts';

const WITHIN = { timeout: 30_000, interval: 50 };

await withService('rabbitmq', ({ url }) => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function start(settings: object = {}): Promise<{ service: RunningService; exchange: string }> {
    const exchange = `test-${randomUUID()}`;
    const sink = { name: 'broker', type: 'rabbitmq', exchange, ...settings };
    const env = { OSPROXY_RABBITMQ_URL: url, OSPROXY_EVENTS_SINKS: JSON.stringify([sink]) };
    const service = await startService({ env });
    closing.push(async () => {
      await service.close();
      const connection = new Connection(url);
      await connection.exchangeDelete({ exchange });
      await connection.close();
    });
    await vi.waitFor(async () => expect(await sinkOf(service)).toMatchObject({ name: 'broker' }), WITHIN);
    return { service, exchange };
  }

  async function queueOf(exchange: string, binding?: string): Promise<Queue> {
    const queue = await openQueue({ url, exchange, ...(binding === undefined ? {} : { binding }) });
    closing.push(() => queue.close());
    return queue;
  }

  describe('a service that tells RabbitMQ', () => {
    test('publishes what happens to a file, from its upload to its end', async () => {
      const { service, exchange } = await start();
      const all = await queueOf(exchange);
      const ends = await queueOf(exchange, 'file.deleted');
      const uid = await put(service, 'a.txt');
      await call(service, 'PATCH', `/files/${uid}`, { name: 'b.txt' });
      await call(service, 'POST', `/files/${uid}/links`);
      await call(service, 'DELETE', `/files/${uid}`);
      const types = ['file.ready', 'file.renamed', 'link.created', 'file.deleted'];
      const told = (queue: Queue) => toldBy(queue).filter(({ subject }) => subject === uid);
      await vi.waitFor(
        () => expect(told(all).map(({ type }) => type)).toEqual(types.map((type) => `osproxy.${type}`)),
        WITHIN,
      );
      await vi.waitFor(() => expect(told(ends)).toHaveLength(1), WITHIN);
      expect(all.messages.map(({ routingKey }) => routingKey)).toEqual(expect.arrayContaining(types));
      await vi.waitFor(
        async () => expect(await sinkOf(service)).toMatchObject({ state: 'active', lag: 0 }),
        WITHIN,
      );
      expect(await service.stop()).toBe(0);
    });

    test('parks what no queue takes, and gives it again when somebody says so', async () => {
      const { service, exchange } = await start({ mandatory: true, maxAttempts: 1, types: ['file.*'] });
      const uid = await put(service, 'a.txt');
      await vi.waitFor(
        async () => expect(await sinkOf(service)).toMatchObject({ parked: 1, lag: 0 }),
        WITHIN,
      );
      const { body } = await call(service, 'GET', '/event-sinks/broker/parked');
      expect(body).toMatchObject({
        events: [{ type: 'file.ready', reason: 'no queue takes events with the key "file.ready"' }],
      });
      const queue = await queueOf(exchange);
      expect(await call(service, 'POST', '/event-sinks/broker/redrive', {})).toEqual({
        status: 200,
        body: { count: 1 },
      });
      await vi.waitFor(() => expect(toldBy(queue).map(({ subject }) => subject)).toEqual([uid]), WITHIN);
      await vi.waitFor(
        async () => expect(await sinkOf(service)).toMatchObject({ parked: 0, waiting: 0 }),
        WITHIN,
      );
    });

    test('shows the password of the broker nowhere when it is refused, and starts all the same', async () => {
      const wrong = new URL(url);
      wrong.password = 'hunter2';
      const { service } = await start({ url: wrong.href });
      await put(service, 'a.txt');
      await vi.waitFor(
        async () =>
          expect(await sinkOf(service)).toMatchObject({
            state: 'failing',
            reason: expect.stringMatching(/^the broker refused the user: check the name and password/),
          }),
        WITHIN,
      );
      expect(service.lines.join('\n')).not.toContain('hunter2');
    });

    test.each([
      [{ OSPROXY_RABBITMQ_URL: 'http://shop:hunter2@a' }, /rabbitmq\.url is not an address of RabbitMQ/],
      [{ OSPROXY_RABBITMQ_CA_FILE: '/nowhere' }, /rabbitmq\.url is missing/],
    ])('does not start with a wrong address: %o', async (env, sentence) => {
      const error: unknown = await startService({ env }).catch((reason: unknown) => reason);
      expect(String(error)).toMatch(sentence);
      expect(String(error)).not.toContain('hunter2');
    });
  });
});
