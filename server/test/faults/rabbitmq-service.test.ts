import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { startReceiver } from '#drivers/event-sinks/webhook/receiver.fixture.ts';
import { call, put, SECRET, sinkOf } from '#test/e2e/events/event-client.ts';
import { toldBy } from '#test/e2e/events/rabbitmq-telling.ts';
import { type RunningService, startService } from '#test/e2e/service.ts';
import { startRabbitmq } from '#test/services/rabbitmq.ts';
import { openQueue } from '#test/services/rabbitmq-queue.ts';
import { withService } from '#test/services/shared.ts';

const WITHIN = { timeout: 120_000, interval: 50 };
const FILES = 100;
const RENAMES = 99;
const EXCHANGE = 'osproxy.events';

await withService('rabbitmq-server', () => {
  test('10 000 events: none is lost and each file keeps its order when broker and service are killed on the way', {
    timeout: 400_000,
  }, async () => {
    const broker = await startRabbitmq();
    const dataDir = await mkdtemp(join(tmpdir(), 'osproxy-rabbitmq-killed-'));
    const queue = await openQueue({ url: broker.url, exchange: EXCHANGE, durable: 'shop' });
    const sink = { name: 'broker', type: 'rabbitmq', url: broker.url, timeoutSeconds: 5 };
    const start = () => startService({ dataDir, env: { OSPROXY_EVENTS_SINKS: JSON.stringify([sink]) } });
    let service = await start();
    try {
      await vi.waitFor(async () => await sinkOf(service), WITHIN);
      const uids = await Promise.all(Array.from({ length: FILES }, (_, i) => put(service, `f${i}.txt`)));
      const done = new Map(uids.map((uid) => [uid, 0]));
      const renameAll = (to: RunningService) => Promise.all(uids.map((uid) => rename(to, uid, done)));
      const working = renameAll(service);
      await vi.waitFor(() => expect(queue.messages.length).toBeGreaterThan(1500), WITHIN);
      await broker.kill();
      await sleep(1500);
      await broker.start();
      await vi.waitFor(() => expect(queue.messages.length).toBeGreaterThan(4000), WITHIN);
      await Promise.all([service.kill(), broker.kill()]);
      await working;
      await broker.start();
      service = await start();
      await renameAll(service);
      expect([...done.values()].every((step) => step === RENAMES)).toBe(true);
      await vi.waitFor(
        async () =>
          expect(await sinkOf(service)).toMatchObject({ state: 'active', lag: 0, waiting: 0, parked: 0 }),
        WITHIN,
      );
      await vi.waitFor(() => {
        const told = Map.groupBy(toldBy(queue), ({ subject }) => subject);
        for (const uid of uids) {
          const own = told.get(uid) ?? [];
          expect(own[0]).toMatchObject({ type: 'osproxy.file.ready' });
          const names = own.slice(1).map(({ data }) => data.name);
          // A rename whose answer was cut off may have happened; it is told of once.
          expect([...new Set(names)]).toEqual(Array.from({ length: RENAMES }, (_, i) => `n-${i + 1}.txt`));
        }
      }, WITHIN);
    } finally {
      await service.kill();
      await queue.close();
      await broker.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  test('a broker that is away, full or slow holds up no other sink, and gets all when it is well', {
    timeout: 180_000,
  }, async () => {
    const broker = await startRabbitmq();
    const receiver = await startReceiver();
    const sinks = [
      { name: 'broker', type: 'rabbitmq', url: broker.url, timeoutSeconds: 2 },
      { name: 'hook', type: 'webhook', url: receiver.url, secret: SECRET, allowPrivate: true },
    ];
    const queue = await openQueue({ url: broker.url, exchange: EXCHANGE, durable: 'shop' });
    const service = await startService({ env: { OSPROXY_EVENTS_SINKS: JSON.stringify(sinks) } });
    const uids: string[] = [];
    /** The other sink hears of a file while this one fails with the reason. */
    const putWhile = async (reason: RegExp) => {
      const uid = await put(service, 'a.txt');
      uids.push(uid);
      await vi.waitFor(
        () => expect(receiver.received.some(({ body }) => body.includes(uid))).toBe(true),
        WITHIN,
      );
      await vi.waitFor(
        async () =>
          expect(await sinkOf(service, 'broker')).toMatchObject({
            state: 'failing',
            reason: expect.stringMatching(reason),
          }),
        WITHIN,
      );
    };
    const well = () =>
      vi.waitFor(async () => {
        expect(await sinkOf(service, 'broker')).toMatchObject({ state: 'active', lag: 0, waiting: 0 });
        expect([...new Set(toldBy(queue).map(({ subject }) => subject))]).toEqual(
          expect.arrayContaining(uids),
        );
      }, WITHIN);
    try {
      await vi.waitFor(async () => {
        await sinkOf(service, 'broker');
        await sinkOf(service, 'hook');
      }, WITHIN);
      await broker.command('set_vm_memory_high_watermark', 'absolute', '1MB');
      await putWhile(/^the broker (takes no messages for now: low on memory|confirmed nothing within 2 s)$/);
      await broker.command('set_vm_memory_high_watermark', 'absolute', '1GB');
      await well();
      broker.freeze();
      await putWhile(/^the broker (confirmed nothing within 2 s|cannot be reached: it does not answer)/);
      broker.thaw();
      await well();
      await broker.kill();
      await putWhile(/nothing listens/);
      await broker.start();
      await well();
      expect((await sinkOf(service, 'hook')).state).toBe('active');
    } finally {
      await service.close();
      await queue.close();
      await receiver.close();
      await broker.stop();
    }
  });
});

/** Gives the file one name after the other until the service no longer answers. */
async function rename(service: RunningService, uid: string, done: Map<string, number>): Promise<void> {
  for (let step = (done.get(uid) ?? 0) + 1; step <= RENAMES; step++) {
    const name = `n-${step}.txt`;
    const answer = await call(service, 'PATCH', `/files/${uid}`, { name }).catch(() => undefined);
    if (answer?.status !== 200) return;
    done.set(uid, step);
  }
}
