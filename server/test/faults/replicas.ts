import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Metadata, MetadataReader } from '#core/ports/metadata.ts';
import { openMetadata } from '#drivers/metadata/index.ts';
import { sampleFile, write } from '#test/contracts/metadata-samples.ts';
import { recordingLogger } from '#test/contracts/metadata-temporary.ts';
import { freePort } from '#test/services/ports.ts';
import { atPort } from '#test/services/sql-server.ts';
import { TcpFaultProxy } from '#test/services/tcp-fault-proxy.ts';
import type { ReplicaKind, ReplicaPair } from './replica-kind.ts';
import { replicaNodes } from './replica-nodes.ts';
import { fillWithSamples } from './replica-samples.ts';

const MAX_LAG_MS = 5000;

/** Everything about replicas of one kind of server, on one pair of servers. */
export function databaseReplicas(kind: ReplicaKind): void {
  describe(`replicas of ${kind.name}`, () => {
    let pair: ReplicaPair;
    beforeAll(async () => {
      pair = await kind.start();
    }, 120_000);
    afterAll(async () => {
      await pair.replica.stop();
      await pair.primary.stop();
    });
    replicaReads(kind, () => pair);
    replicaNodes(kind, () => pair);
  });
}

/** What reads through replicas promise, seen from the metadata port. */
function replicaReads(kind: ReplicaKind, pair: () => ReplicaPair): void {
  describe('at the metadata port', () => {
    let database: { url: string; remove(): Promise<void> };
    let opened: Metadata[];

    beforeEach(async () => {
      opened = [];
      database = await kind.createDatabase(pair().primary.access);
    });
    afterEach(async () => {
      for (const metadata of opened) await metadata.close();
      await database.remove();
    });

    async function open(urls = [pair().replica.urlOf(database.url)]): Promise<Metadata> {
      const replicas = { urls, maxLagMs: MAX_LAG_MS };
      const metadata = await openMetadata(database.url, { logger: recordingLogger(), replicas });
      opened.push(metadata);
      await metadata.migrate();
      return metadata;
    }

    it('answers every query as the primary does once it has caught up', async () => {
      const metadata = await open();
      const questions = await fillWithSamples(metadata);
      await used(metadata, [true]);
      const caught = Math.ceil(performance.now());
      await vi.waitFor(() => expect(lagOf(metadata)).toBeLessThan(performance.now() - caught), 10_000);
      const answers = (reader: MetadataReader) => Promise.all(questions.map((ask) => ask(reader)));
      expect(await answers(metadata.relaxed)).toEqual(await answers(metadata));
      expect(metadata.replicas?.states).toMatchObject([{ number: 1, isUp: true, isUsed: true }]);
      expect(await metadata.replicas?.examine()).toBe('1 in use');
    });

    it('is read while it is little behind and left alone while it is more', async () => {
      const metadata = await open();
      await used(metadata, [true]);
      await pair().replica.pause();
      onTestFinished(() => pair().replica.resume());
      const file = sampleFile();
      await write(metadata, (r) => r.files.insert(file));
      const began = performance.now();
      // What the replica does not show yet proves that it was asked.
      expect(await metadata.relaxed.files.find(file.uid)).toBeUndefined();
      expect(await metadata.files.find(file.uid)).toEqual(file);
      await vi.waitFor(async () => expect(await metadata.relaxed.files.find(file.uid)).toEqual(file), {
        timeout: MAX_LAG_MS + 5000,
        interval: 50,
      });
      expect(performance.now() - began).toBeLessThan(MAX_LAG_MS + 3000);
      expect(metadata.replicas?.states).toMatchObject([{ isUp: true, isUsed: false }]);
      expect(lagOf(metadata)).toBeGreaterThan(MAX_LAG_MS);
      await expect(metadata.replicas?.examine()).rejects.toMatchObject({
        code: 'Unavailable',
        message: expect.stringContaining('too far behind'),
      });
      await pair().replica.resume();
      await used(metadata, [true]);
      expect(await metadata.relaxed.files.find(file.uid)).toEqual(file);
    });

    it('fails no read when it dies in the middle of them, and is read again when it is back', async () => {
      const metadata = await open();
      const file = sampleFile();
      await write(metadata, (r) => r.files.insert(file));
      await used(metadata, [true]);
      let reads = 0;
      let over = false;
      const reader = async () => {
        while (!over) {
          await metadata.relaxed.files.list({
            owner: undefined,
            after: undefined,
            limit: 10,
            namePrefix: undefined,
          });
          reads += 1;
        }
      };
      const readers = Promise.all(Array.from({ length: 12 }, reader));
      await sleep(300);
      await pair().replica.kill();
      const before = reads;
      await used(metadata, [false]);
      await vi.waitFor(() => expect(reads).toBeGreaterThan(before + 50), 10_000);
      expect(await metadata.relaxed.files.find(file.uid)).toEqual(file);
      expect(metadata.replicas?.states).toMatchObject([{ isUp: false }]);
      await pair().replica.start();
      await used(metadata, [true]);
      over = true;
      await readers;
    });

    it('keeps nobody waiting when it falls silent', async () => {
      const proxy = await TcpFaultProxy.start(pair().replica.port);
      onTestFinished(() => proxy.close());
      const metadata = await open([atPort(database.url, proxy.port)]);
      await used(metadata, [true]);
      const file = sampleFile();
      await write(metadata, (r) => r.files.insert(file));
      proxy.set({ deaf: true, breaking: { direction: 'up', afterBytes: 0, how: 'silence' } });
      const began = performance.now();
      const found = await Promise.all(
        Array.from({ length: 30 }, () => metadata.relaxed.files.findMany([file.uid])),
      );
      expect(performance.now() - began).toBeLessThan(8000);
      expect(found.filter((files) => files.length === 1)).toHaveLength(30);
      await used(metadata, [false]);
      const later = performance.now();
      await metadata.relaxed.files.find(file.uid);
      expect(performance.now() - later).toBeLessThan(1500);
      proxy.set({});
      proxy.reset();
      await used(metadata, [true]);
    });

    it('is done without when it is not there from the start, and others are used', async () => {
      const elsewhere = atPort(database.url, await freePort());
      const metadata = await open([elsewhere, pair().replica.urlOf(database.url)]);
      await used(metadata, [false, true]);
      const file = sampleFile();
      await write(metadata, (r) => r.files.insert(file));
      await sleep(MAX_LAG_MS);
      for (let i = 0; i < 20; i++) expect(await metadata.relaxed.files.find(file.uid)).toEqual(file);
      const error: unknown = await metadata.replicas?.examine().catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: 'Unavailable',
        message: expect.stringMatching(/ECONNREFUSED.*check database\.replicas/),
      });
      expect(inspect(error, { depth: 10 })).not.toContain(new URL(database.url).password);
    });

    it('leaves no row behind when the process ends in order', async () => {
      const metadata = await open();
      await used(metadata, [true]);
      const count = 'select count(*) as count from replica_beats';
      expect(await kind.count(database.url, count)).toBe(1);
      await metadata.close();
      expect(await kind.count(database.url, count)).toBe(0);
    });
  });
}

/** Waits until reads go to these replicas and not to the others. */
async function used(metadata: Metadata, wanted: readonly boolean[]): Promise<void> {
  await vi.waitFor(() => expect(metadata.replicas?.states.map(({ isUsed }) => isUsed)).toEqual(wanted), {
    timeout: 30_000,
    interval: 20,
  });
}

function lagOf(metadata: Metadata): number {
  return metadata.replicas?.states[0]?.lagMs ?? Number.POSITIVE_INFINITY;
}
