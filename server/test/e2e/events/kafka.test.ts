import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { KafkaMock } from '#test/services/kafka.ts';
import { type KafkaReader, readTopic } from '#test/services/kafka-reader.ts';
import { withService } from '#test/services/shared.ts';
import { type RunningService, startService } from '../service.ts';
import { call, put } from './event-client.ts';

const WITHIN = { timeout: 30_000, interval: 50 };

interface Told {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly data: { readonly name?: string };
}

await withService('kafka-mock', () => {
  describe('a service with a Kafka sink', () => {
    const topic = `files-${randomUUID()}`;
    let mock: KafkaMock;
    let service: RunningService;
    let reader: KafkaReader;

    beforeAll(async () => {
      mock = await KafkaMock.start(2);
      const sink = { name: 'kafka', type: 'kafka', topic, maxAttempts: 1 };
      service = await startService({
        env: { OSPROXY_KAFKA_BROKERS: mock.brokers.join(','), OSPROXY_EVENTS_SINKS: JSON.stringify([sink]) },
      });
      await mock.topic(topic, 4);
      reader = await readTopic(mock.brokers, topic);
    }, 60_000);
    afterAll(async () => {
      await reader?.close();
      await service?.close();
      await mock?.kill();
    });

    const told = (uid: string): Told[] =>
      reader.records.map(({ value }) => JSON.parse(value) as Told).filter(({ subject }) => subject === uid);
    const sinkOf = async () => {
      const { sinks } = (await call(service, 'GET', '/event-sinks')).body as {
        sinks: { state: string; lag: number; waiting: number; parked: number }[];
      };
      return sinks[0];
    };

    test('writes what happens to a file from its upload to its end', async () => {
      const uid = await put(service, 'a.txt');
      await call(service, 'PATCH', `/files/${uid}`, { name: 'b.txt' });
      await call(service, 'DELETE', `/files/${uid}`);
      const types = () => told(uid).map(({ type }) => type);
      const all = ['file.ready', 'file.renamed', 'file.deleted'].map((type) => `osproxy.${type}`);
      await vi.waitFor(() => expect(types()).toEqual(all), WITHIN);
      await vi.waitFor(async () => expect(await sinkOf()).toMatchObject({ state: 'active', lag: 0 }), WITHIN);
      expect(service.lines.join('\n')).not.toMatch(/Warning/);
    });

    test('parks what the topic refuses, and writes it when somebody says so', async () => {
      await mock.refuse('messageTooLarge', 1);
      const uid = await put(service, 'large.txt');
      await vi.waitFor(async () => expect(await sinkOf()).toMatchObject({ parked: 1, lag: 0 }), WITHIN);
      const { events } = (await call(service, 'GET', '/event-sinks/kafka/parked')).body as {
        events: { reason: string }[];
      };
      expect(events[0]?.reason).toMatch(/larger than the topic takes/);
      expect(told(uid)).toEqual([]);
      await call(service, 'POST', '/event-sinks/kafka/redrive');
      await vi.waitFor(() => expect(told(uid).map(({ data }) => data.name)).toEqual(['large.txt']), WITHIN);
    });

    test('says what is wrong while the cluster takes nothing, and goes on by itself', async () => {
      await mock.refuse('topicAuthorization', 10_000);
      const uid = await put(service, 'later.txt');
      await vi.waitFor(
        async () =>
          expect(await sinkOf()).toMatchObject({
            state: 'failing',
            reason: expect.stringMatching(/may not use the topic/),
          }),
        WITHIN,
      );
      await mock.accept();
      await vi.waitFor(() => expect(told(uid)).toHaveLength(1), WITHIN);
      await vi.waitFor(async () => expect(await sinkOf()).toMatchObject({ state: 'active' }), WITHIN);
    });
  });
});
