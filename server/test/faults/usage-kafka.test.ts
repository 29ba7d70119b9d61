import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KafkaProducer } from '#drivers/kafka/kafka-producer.ts';
import { type RunningService, startService } from '#test/e2e/service.ts';
import { KafkaMock } from '#test/services/kafka.ts';
import { readTopic } from '#test/services/kafka-reader.ts';
import { withService } from '#test/services/shared.ts';
import { silentLogger } from '#test/silent-logger.ts';

const WITHIN = { timeout: 60_000, interval: 100 };
const LOAD = 8;

interface Total {
  readonly uploads: number;
  readonly downloads: number;
  readonly downloadedBytes: number;
}

await withService('kafka-mock', () => {
  let mock: KafkaMock;
  let dataDir: string;
  let topic: string;
  let services: RunningService[];

  beforeEach(async () => {
    services = [];
    topic = `usage-${randomUUID()}`;
    dataDir = await mkdtemp(join(tmpdir(), 'osproxy-usage-'));
    mock = await KafkaMock.start(2);
    await mock.topic(topic, 4);
  });
  afterEach(async () => {
    for (const service of services) await service.kill();
    await mock.kill();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(): Promise<RunningService> {
    const service = await startService({
      dataDir,
      env: {
        OSPROXY_KAFKA_BROKERS: mock.brokers.join(','),
        OSPROXY_KAFKA_TIMEOUT_SECONDS: '2',
        OSPROXY_USAGE_KAFKA_TOPIC: topic,
        OSPROXY_USAGE_FLUSH_MILLISECONDS: '200',
      },
    });
    services.push(service);
    return service;
  }

  const headersOf = ({ apiKey }: RunningService) => ({ authorization: `Bearer ${apiKey}` });

  async function put(service: RunningService): Promise<string> {
    const url = `${service.url}/api/v1/files/a.txt`;
    const made = await fetch(url, { method: 'PUT', headers: headersOf(service), body: 'hello' });
    return ((await made.json()) as { uid: string }).uid;
  }

  async function total(service: RunningService): Promise<Total> {
    const asked = await fetch(`${service.url}/api/v1/usage?by=all`, { headers: headersOf(service) });
    const { totals } = (await asked.json()) as { totals: Total[] };
    return totals[0] ?? { uploads: 0, downloads: 0, downloadedBytes: 0 };
  }

  /** Downloads until it is told to stop or the service is gone; resolves how many were whole. */
  async function load(service: RunningService, uid: string, going: () => boolean): Promise<number> {
    let done = 0;
    const one = async () => {
      while (going()) {
        const url = `${service.url}/api/v1/files/${uid}/content`;
        const answer = await fetch(url, { headers: headersOf(service) }).catch(() => undefined);
        if (answer === undefined) return;
        if ((await answer.text().catch(() => '')) === 'hello') done += 1;
      }
    };
    await Promise.all(Array.from({ length: LOAD }, one));
    return done;
  }

  const forMs = (ms: number) => {
    const until = performance.now() + ms;
    return () => performance.now() < until;
  };

  /** What others may write to the topic by mistake. */
  async function poison(): Promise<void> {
    const producer = new KafkaProducer({ brokers: mock.brokers }, 'none', silentLogger);
    const near = { source: 's', number: 1, kind: 'upload', key: 'k', owner: 'o', store: 's', bytes: 1 };
    const whole = { ...near, outcome: 'ok', at: 1, durationMs: 1 };
    const bad = [
      '',
      'null',
      '[]',
      '{"source":',
      near,
      { ...whole, key: 'k'.repeat(65) },
      { ...whole, owner: '\0' },
    ];
    const values = bad.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
    const messages = values.map((value) => ({ key: 'configured', value, headers: {} }));
    await producer.send(topic, messages, new AbortController().signal);
    await producer.close();
  }

  interface Written {
    readonly id: string;
    readonly kind: string;
  }

  /** Those that the service wrote. */
  const written = (records: readonly { readonly value: string }[]): readonly Written[] =>
    records
      .filter(({ value }) => value.startsWith('{"id":'))
      .map(({ value }) => JSON.parse(value) as Written);

  test('records go through the topic and are counted once, with brokers away and back', async () => {
    const service = await start();
    await poison();
    const uid = await put(service);
    let downloads = await load(service, uid, forMs(1000));
    for (const broker of [1, 2]) await mock.down(broker);
    downloads += await load(service, uid, forMs(1500));
    for (const broker of [1, 2]) await mock.up(broker);
    downloads += await load(service, uid, forMs(500));
    expect(downloads).toBeGreaterThan(200);
    await vi.waitFor(
      async () => expect(await total(service)).toMatchObject({ uploads: 1, downloads }),
      WITHIN,
    );
    const reader = await readTopic(mock.brokers, topic);
    try {
      const ids = () => new Set(written(reader.records).map(({ id }) => id));
      await vi.waitFor(() => expect(ids().size).toBe(downloads + 1), WITHIN);
      expect(new Set(reader.records.map(({ partition }) => partition)).size).toBe(1);
      expect(JSON.parse(reader.records.at(-1)?.value ?? '')).toMatchObject({
        ...{ kind: 'download', key: 'configured', owner: 'default', store: 'local', uid, bytes: 5 },
        outcome: 'ok',
      });
    } finally {
      await reader.close();
    }
  }, 120_000);

  test('a service that is killed and started again goes on where the totals are, and counts nothing twice', async () => {
    const first = await start();
    const uid = await put(first);
    let running = true;
    const loading = load(first, uid, () => running);
    await vi.waitFor(async () => expect((await total(first)).downloads).toBeGreaterThan(100), WITHIN);
    await first.kill();
    running = false;
    const done = await loading;
    const second = await start();
    const reader = await readTopic(mock.brokers, topic);
    try {
      const kept = () =>
        new Set(
          reader.records
            .map(({ value }) => JSON.parse(value) as { id: string; kind: string })
            .filter(({ kind }) => kind === 'download')
            .map(({ id }) => id),
        ).size;
      // Everything that came into the topic is counted, whoever wrote it, and each record once.
      await vi.waitFor(async () => {
        expect(kept()).toBeGreaterThan(100);
        expect((await total(second)).downloads).toBe(kept());
      }, WITHIN);
      expect(kept()).toBeLessThanOrEqual(done + LOAD);
      const more = await load(second, uid, forMs(500));
      await second.stop();
      const third = await start();
      await vi.waitFor(async () => {
        const { downloads } = await total(third);
        expect(downloads).toBe(kept());
      }, WITHIN);
      expect(kept()).toBeGreaterThan(more);
    } finally {
      await reader.close();
    }
  }, 180_000);

  test('while the cluster is away for good a stop takes seconds, and requests never wait', async () => {
    const service = await start();
    const uid = await put(service);
    await vi.waitFor(async () => expect((await total(service)).uploads).toBe(1), WITHIN);
    await mock.freeze();
    const began = performance.now();
    const downloads = await load(service, uid, forMs(1500));
    expect(downloads).toBeGreaterThan(50);
    await service.stop();
    expect(performance.now() - began).toBeLessThan(45_000);
    mock.thaw();
  }, 120_000);
});
