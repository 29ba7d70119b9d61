import { randomUUID } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EventRecord } from '#core/model/event.ts';
import { systemClock } from '#core/ports/clock.ts';
import type { EventSink } from '#core/ports/event-sink.ts';
import type { Logger } from '#core/ports/logger.ts';
import { prepareSink } from '#drivers/event-sinks/index.ts';
import { KafkaMock } from '#test/services/kafka.ts';
import { type KafkaReader, readTopic } from '#test/services/kafka-reader.ts';
import { withService } from '#test/services/shared.ts';

const WITHIN = { timeout: 20_000, interval: 25 };
const never = new AbortController().signal;

function event(position: number, subject = '42', more: Partial<EventRecord> = {}): EventRecord {
  const base = { position: String(position), type: 'file.ready', subject, owner: 'Zoë' } as const;
  return { ...base, at: 1_700_000_000_000, data: { uid: subject, name: '報告.pdf' }, ...more };
}

await withService('kafka-mock', () => {
  let mock: KafkaMock;
  let topic: string;
  let open: { close(): Promise<void> }[];
  let logged: string[];
  const logger: Logger = {
    debug: () => {},
    info: () => {},
    warn: (fields, message) => void logged.push(`${message} ${JSON.stringify(fields)}`),
    error: (fields, message) => void logged.push(`${message} ${JSON.stringify(fields)}`),
    child: () => logger,
  };

  beforeEach(async () => {
    topic = `events-${randomUUID()}`;
    mock = await KafkaMock.start(3);
    open = [];
    logged = [];
  });
  afterEach(async () => {
    await Promise.all(open.map((one) => one.close()));
    mock.thaw();
    await mock.kill();
  });

  function sink(settings: object = {}): EventSink {
    const given = { type: 'kafka', brokers: mock.brokers, topic, timeoutSeconds: 5, ...settings };
    const { sink: made } = prepareSink('kafka', given).start({
      ...{ source: 'https://files.example', clock: systemClock, logger },
    });
    open.push(made);
    return made;
  }

  async function read(): Promise<KafkaReader> {
    const reader = await readTopic(mock.brokers, topic);
    open.push(reader);
    return reader;
  }

  const kinds = async (of: EventSink, ...events: EventRecord[]) =>
    (await of.deliver(events, never)).map(({ kind }) => kind);
  const reasonOf = async (of: EventSink) => {
    const [outcome] = await of.deliver([event(1)], never);
    return outcome?.kind === 'unavailable' ? outcome.reason : outcome?.kind;
  };

  describe('a topic of Kafka', () => {
    test('gets whole events, compressed, those of one subject in one partition in their order', async () => {
      await mock.topic(topic, 6);
      const events = Array.from({ length: 400 }, (_, i) => event(i + 1, String(i % 20)));
      expect(new Set(await kinds(sink(), ...events))).toEqual(new Set(['delivered']));
      const reader = await read();
      await vi.waitFor(() => expect(reader.records).toHaveLength(400), WITHIN);
      const told = reader.records.map(({ value, ...rest }) => ({ ...rest, event: JSON.parse(value) }));
      expect(told.find((one) => one.event.id === '7')).toMatchObject({
        key: '6',
        headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
        event: {
          ...{ specversion: '1.0', type: 'osproxy.file.ready', subject: '6', owner: 'Zoë' },
          ...{ source: 'https://files.example', time: '2023-11-14T22:13:20.000Z' },
          data: { uid: '6', name: '報告.pdf' },
        },
      });
      for (let subject = 0; subject < 20; subject += 1) {
        const own = told.filter(({ key }) => key === String(subject));
        expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
        const ids = own.map((one) => Number(one.event.id));
        expect(ids).toEqual(Array.from({ length: 20 }, (_, i) => i * 20 + subject + 1));
      }
      expect(new Set(told.map(({ partition }) => partition)).size).toBeGreaterThan(2);
    });

    test('gets data alone in binary mode, by owner and uncompressed when it is set so', async () => {
      const plain = sink({ mode: 'binary', keyBy: 'owner', compression: 'none' });
      const mine = { owner: undefined };
      expect(await kinds(plain, event(1), event(2, 'n1', mine))).toEqual(['delivered', 'delivered']);
      const reader = await read();
      await vi.waitFor(() => expect(reader.records).toHaveLength(2), WITHIN);
      const byKey = new Map(reader.records.map((one) => [one.key, one]));
      expect([...byKey.keys()].sort()).toEqual(['Zoë', 'n1']);
      expect(JSON.parse(byKey.get('Zoë')?.value ?? '')).toEqual({ uid: '42', name: '報告.pdf' });
      expect(byKey.get('Zoë')?.headers).toEqual({
        ...{ ce_specversion: '1.0', ce_id: '1', ce_source: 'https://files.example', ce_owner: 'Zoë' },
        ...{ ce_type: 'osproxy.file.ready', ce_subject: '42', ce_time: '2023-11-14T22:13:20.000Z' },
        'content-type': 'application/json',
      });
    });

    test('that refuses a record for its size gets the others, and what follows it of its subject waits', async () => {
      await mock.topic(topic, 1);
      const one = sink();
      // A batch, its first half, and the first event alone.
      await mock.refuse('messageTooLarge', 3);
      const outcomes = await one.deliver([event(1, 'a'), event(2, 'b'), event(3, 'a'), event(4, 'c')], never);
      expect(outcomes.map(({ kind }) => kind)).toEqual(['refused', 'delivered', 'held', 'delivered']);
      expect(outcomes[0]).toMatchObject({ reason: expect.stringMatching(/larger than the topic takes/) });
      const reader = await read();
      const ids = () => reader.records.map(({ value }) => JSON.parse(value).id);
      await vi.waitFor(() => expect(ids()).toEqual(['2', '4']), WITHIN);
    });

    test.each([
      ['unknownTopic', /the topic does not exist .* create it/],
      ['topicAuthorization', /the user may not use the topic; grant it/],
      ['storage', /the broker cannot write to its disk/],
    ] as const)('that answers %s takes nothing for now, and then goes on', async (error, sentence) => {
      await mock.topic(topic, 1);
      const one = sink();
      await mock.refuse(error, 20);
      expect(await reasonOf(one)).toMatch(sentence);
      await mock.accept();
      expect(await reasonOf(one)).toBe('delivered');
    });

    test('whose partition moved to another broker is followed without a word', async () => {
      await mock.topic(topic, 1);
      const one = sink();
      expect(await reasonOf(one)).toBe('delivered');
      await mock.leader(topic, 0, 2);
      await mock.down(1);
      expect(await reasonOf(one)).toBe('delivered');
      await mock.up(1);
    });

    test('is found with the first broker of the list away', async () => {
      await mock.topic(topic, 1);
      await mock.leader(topic, 0, 3);
      await mock.down(1);
      expect(await reasonOf(sink())).toBe('delivered');
      await mock.up(1);
    });

    test('whose brokers are all away takes nothing, and goes on when they are back', async () => {
      await mock.topic(topic, 2);
      const one = sink();
      expect(await reasonOf(one)).toBe('delivered');
      for (const broker of [1, 2, 3]) await mock.down(broker);
      expect(await kinds(one, event(2), event(3, 'b'))).toEqual(['unavailable', 'unavailable']);
      for (const broker of [1, 2, 3]) await mock.up(broker);
      expect(await reasonOf(one)).toBe('delivered');
    });

    test('whose brokers never answer is given up after the time, also when it is closed or stopped then', async () => {
      const one = sink({ timeoutSeconds: 1 });
      expect(await reasonOf(one)).toBe('delivered');
      await mock.freeze();
      const began = performance.now();
      expect(await reasonOf(one)).toMatch(/not confirmed within 1 s/);
      const stopping = new AbortController();
      const asked = one.deliver([event(2)], stopping.signal);
      stopping.abort();
      expect(await asked).toEqual([{ kind: 'unavailable', reason: 'The service is stopping.' }]);
      await one.close();
      expect(performance.now() - began).toBeLessThan(10_000);
      mock.thaw();
      expect(await reasonOf(one)).toBe('delivered');
    });

    test('behind something that is no Kafka at all is unavailable, and its password is never told', async () => {
      const sockets: Socket[] = [];
      const server = createServer((socket) => {
        sockets.push(socket);
        socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n');
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      const user = { username: 'me', password: 'hunter2hunter2', saslMechanism: 'plain' };
      const one = sink({ brokers: [`127.0.0.1:${port}`], timeoutSeconds: 2, ...user });
      expect(await reasonOf(one)).toMatch(/^Kafka topic events-/);
      expect(logged.join('\n')).not.toMatch(/hunter2/);
      await one.close();
      for (const socket of sockets) socket.destroy();
      server.close();
    });
  });
});
