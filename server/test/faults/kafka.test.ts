import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { call, put } from '#test/e2e/events/event-client.ts';
import { type RunningService, startService } from '#test/e2e/service.ts';
import { KafkaMock } from '#test/services/kafka.ts';
import { type KafkaReader, readTopic } from '#test/services/kafka-reader.ts';
import { withService } from '#test/services/shared.ts';
import { TcpFaultProxy } from '#test/services/tcp-fault-proxy.ts';

const WITHIN = { timeout: 120_000, interval: 100 };
const FILES = 50;
const RENAMES = 199;
/** Between the renames of one file, so that outages come while there is something to tell, however fast the service is. */
const PACE_MS = 100;
const MOST_MS = 300_000;

interface Told {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly data: { readonly name?: string };
}

/** Files and how far each was renamed; a rename whose answer was cut off is asked for again. */
class Load {
  readonly done = new Map<string, number>();

  async begin(service: RunningService): Promise<void> {
    const uids = await Promise.all(Array.from({ length: FILES }, (_, i) => put(service, `f${i}-0.txt`)));
    for (const uid of uids) this.done.set(uid, 0);
  }

  /** Ends for a file with the first request that fails. */
  async run(service: RunningService): Promise<void> {
    await Promise.all(
      [...this.done.keys()].map(async (uid) => {
        for (let step = (this.done.get(uid) ?? 0) + 1; step <= RENAMES; step += 1) {
          const path = `/files/${uid}`;
          const answer = await call(service, 'PATCH', path, { name: `n-${step}.txt` }).catch(() => undefined);
          if (answer?.status !== 200) return;
          this.done.set(uid, step);
          await sleep(PACE_MS);
        }
      }),
    );
  }

  get count(): number {
    return [...this.done.values()].reduce((sum, step) => sum + step, 0);
  }
}

/** What a consumer sees that remembers ids: each event once, where it came first. */
function distinct(readers: readonly KafkaReader[]): Told[] {
  const byId = new Map<string, Told>();
  for (const { value } of readers.flatMap(({ records }) => records)) {
    const told = JSON.parse(value) as Told;
    if (!byId.has(told.id)) byId.set(told.id, told);
  }
  return [...byId.values()];
}

function namesOf(told: readonly Told[], uid: string): (string | undefined)[] {
  const renamed = told.filter(({ subject, type }) => subject === uid && type === 'osproxy.file.renamed');
  // A rename whose answer was cut off may have happened; asking again then changes nothing and is told of no second time.
  return [...new Set(renamed.map(({ data }) => data.name))];
}

const ALL_NAMES = Array.from({ length: RENAMES }, (_, i) => `n-${i + 1}.txt`);

await withService('kafka-mock', () => {
  let mock: KafkaMock;
  let dataDir: string;
  let topic: string;
  let closing: (() => Promise<unknown>)[];

  beforeEach(async () => {
    closing = [];
    topic = `files-${randomUUID()}`;
    dataDir = await mkdtemp(join(tmpdir(), 'osproxy-kafka-'));
    mock = await KafkaMock.start(3);
    await mock.topic(topic, 6);
  });
  afterEach(async () => {
    for (const close of closing.reverse()) await close();
    await mock.kill();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(brokers: readonly string[]): Promise<RunningService> {
    const sink = { name: 'kafka', type: 'kafka', topic, timeoutSeconds: 3 };
    const service = await startService({
      dataDir,
      env: { OSPROXY_KAFKA_BROKERS: brokers.join(','), OSPROXY_EVENTS_SINKS: JSON.stringify([sink]) },
    });
    closing.push(() => service.kill());
    await vi.waitFor(async () => expect(await sinkOf(service)).toBeDefined(), WITHIN);
    return service;
  }

  async function read(of: KafkaMock): Promise<KafkaReader> {
    const reader = await readTopic(of.brokers, topic);
    closing.push(() => reader.close());
    return reader;
  }

  async function sinkOf(service: RunningService) {
    const { sinks } = (await call(service, 'GET', '/event-sinks')).body as {
      sinks: { state: string; position: string; lag: number; waiting: number; parked: number }[];
    };
    return sinks[0];
  }

  const drained = (service: RunningService) =>
    vi.waitFor(
      async () =>
        expect(await sinkOf(service)).toMatchObject({ state: 'active', lag: 0, waiting: 0, parked: 0 }),
      WITHIN,
    );

  test(
    'outages of brokers and kill -9 of the service in the middle of 10 000 events lose none, in order for each file',
    async () => {
      let service = await start(mock.brokers);
      const reader = await read(mock);
      const load = new Load();
      await load.begin(service);
      let running = load.run(service);
      await vi.waitFor(() => expect(reader.records.length).toBeGreaterThan(1000), WITHIN);
      await service.kill();
      await running;
      expect(load.count).toBeLessThan(FILES * RENAMES);
      service = await start(mock.brokers);
      running = load.run(service);
      const outages = [
        async () => {
          await mock.down(2);
          await sleep(1000);
          await mock.up(2);
        },
        async () => {
          for (const broker of [1, 2, 3]) await mock.down(broker);
          await sleep(1000);
          for (const broker of [1, 2, 3]) await mock.up(broker);
        },
        async () => {
          await mock.refuse('storage', 2);
          await mock.refuse('notLeader', 2);
        },
        async () => {
          await mock.freeze();
          await sleep(4000);
          mock.thaw();
        },
      ];
      for (const outage of outages) {
        const { length } = reader.records;
        await vi.waitFor(() => expect(reader.records.length).toBeGreaterThan(length), WITHIN);
        await outage();
      }
      await running;
      expect(load.count).toBe(FILES * RENAMES);
      await drained(service);
      const count = () => distinct([reader]).filter(({ type }) => type === 'osproxy.file.renamed').length;
      await vi.waitFor(() => expect(count()).toBeGreaterThanOrEqual(FILES * RENAMES), WITHIN);
      const told = distinct([reader]);
      for (const uid of load.done.keys()) expect(namesOf(told, uid)).toEqual(ALL_NAMES);
      const ready = told.filter(({ type }) => type === 'osproxy.file.ready');
      expect(new Set(ready.map(({ subject }) => subject))).toEqual(new Set(load.done.keys()));
    },
    MOST_MS,
  );

  test(
    'kill -9 of the brokers: what they had not confirmed comes to those that follow, and all is drained',
    async () => {
      // The mock takes new ports when it starts again, so the service begins at a door that leads to whichever runs.
      const door = await TcpFaultProxy.start(portOf(mock));
      closing.push(() => door.close());
      const service = await start([`127.0.0.1:${door.port}`]);
      const before = await read(mock);
      const load = new Load();
      await load.begin(service);
      const running = load.run(service);
      await vi.waitFor(() => expect(before.records.length).toBeGreaterThan(2000), WITHIN);
      await mock.kill();
      await door.refuse();
      await vi.waitFor(async () => expect(await sinkOf(service)).toMatchObject({ state: 'failing' }), WITHIN);
      const confirmed = Number((await sinkOf(service))?.position);
      mock = await KafkaMock.start(3);
      await mock.topic(topic, 6);
      await door.accept(portOf(mock));
      const after = await read(mock);
      await running;
      expect(load.count).toBe(FILES * RENAMES);
      await drained(service);
      // Each partition is read by itself, so the last event of one says nothing of the others.
      const cut = () => {
        const last = ALL_NAMES.at(-1);
        const whole = distinct([after]).filter(({ data }) => data.name === last);
        return new Set(load.done.keys()).difference(new Set(whole.map(({ subject }) => subject)));
      };
      await vi.waitFor(() => expect([...cut()]).toEqual([]), WITHIN);
      const ids = distinct([after]).map(({ id }) => Number(id));
      // What the killed brokers had confirmed is gone with their memory; everything after the position that was saved then came to those that follow.
      expect(Math.min(...ids)).toBeLessThanOrEqual(confirmed + 1);
      const told = distinct([after]);
      for (const uid of load.done.keys()) {
        const names = namesOf(told, uid);
        expect(names).toEqual(ALL_NAMES.slice(RENAMES - names.length));
      }
    },
    MOST_MS,
  );
});

function portOf({ brokers }: KafkaMock): number {
  return Number(brokers[0]?.split(':')[1]);
}
