import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { RestClient, random, times } from '#test/e2e/rest/client.ts';
import { type RunningService, startService } from '#test/e2e/service.ts';
import { startTaskWorker, type TaskWorkerProcess } from '#test/e2e/workers/task-worker.ts';
import { createPostgresDatabase } from '#test/services/postgres.ts';
import { startRabbitmq } from '#test/services/rabbitmq.ts';
import { withService } from '#test/services/shared.ts';
import { rowsIn } from './rows.ts';

const WITHIN = { timeout: 120_000, interval: 200 };
const PART = 1024 * 1024;
const FILES = 120;
const LATER = 40;

await withService('rabbitmq-server', () =>
  withService('postgres', (access) => {
    test('every task takes effect once when workers, server and broker are killed with many in flight', {
      timeout: 300_000,
    }, async () => {
      const broker = await startRabbitmq();
      const database = await createPostgresDatabase(access);
      const dataDir = await mkdtemp(join(tmpdir(), 'osproxy-tasks-killed-'));
      const env = {
        OSPROXY_RABBITMQ_URL: broker.url,
        OSPROXY_TASKS_DISPATCH: 'rabbitmq',
        OSPROXY_TASKS_LEFT_TO_WORKERS: 'compose',
        OSPROXY_TASKS_LEASE_SECONDS: '5',
        OSPROXY_TASKS_CONCURRENCY: '6',
        OSPROXY_TASKS_MAX_ATTEMPTS: '50',
      };
      const sharedPlace = { databaseUrl: database.url, remove: async () => {} };
      const serve = () => startService({ dataDir, sharedPlace, env });
      const work = (service: RunningService) => startTaskWorker({ ...service.place, ...env });
      const rows = (sql: string) => rowsIn(database.url, sql);
      const completed: string[] = [];
      let service = await serve();
      let workers: TaskWorkerProcess[] = [];
      const killOne = async () => {
        const [first, ...others] = workers;
        await first?.kill();
        workers = [...others, await work(service)];
      };
      /** All of them, frozen first at a moment at which they have tasks in hand. */
      const killAtWork = async () => {
        const signal = (name: NodeJS.Signals) => {
          for (const worker of workers) worker.process.kill(name);
        };
        await vi.waitFor(
          async () => {
            signal('SIGSTOP');
            const atWork = await rows("select id from tasks where type = 'compose' and state = 'running'");
            if (atWork.length < 2) signal('SIGCONT');
            expect(atWork.length).toBeGreaterThan(1);
          },
          { timeout: 60_000, interval: 20 },
        );
        await Promise.all(workers.map((worker) => worker.kill()));
        workers = await times(2, () => work(service));
      };
      try {
        await times(FILES, async () => void completed.push(await completeOne(service)));
        expect(await rows("select id from tasks where type = 'compose' and state = 'pending'")).toHaveLength(
          FILES,
        );
        workers = await times(2, () => work(service));
        await killAtWork();
        await broker.kill();
        await sleep(700);
        await killOne();
        const uploading = times(LATER, async () => {
          const uid = await completeOne(service).catch(() => undefined);
          if (uid !== undefined) completed.push(uid);
        });
        await sleep(200);
        await service.kill();
        await uploading;
        await broker.start();
        service = await serve();
        await times(LATER, async () => void completed.push(await completeOne(service)));
        await Promise.all([broker.kill(), service.kill(), ...workers.map((worker) => worker.kill())]);
        await broker.start();
        service = await serve();
        workers = await times(2, () => work(service));
        await vi.waitFor(async () => {
          const open = "select type, state from tasks where type = 'compose' and state <> 'done'";
          expect(await rows(open)).toEqual([]);
          const client = new RestClient(service.url, service.apiKey);
          for (const uid of completed)
            expect((await client.call('GET', `/files/${uid}`)).json).toMatchObject({ verified: true });
        }, WITHIN);
        expect(await rows("select 1 from task_attempts where outcome = 'lost'")).not.toEqual([]);
        // A file whose completion was cut off may have been verified too, but none twice.
        const verified = await vi.waitFor(async () => {
          expect(await rows('select 1 from event_inbox')).toEqual([]);
          return (await rows("select subject from events where type = 'file.verified'")).map(
            ({ subject }) => subject,
          );
        }, WITHIN);
        expect(new Set(verified).size).toBe(verified.length);
        expect(verified).toEqual(expect.arrayContaining(completed));
      } finally {
        await Promise.all([service.kill(), ...workers.map((worker) => worker.kill())]);
        await broker.stop();
        await database.remove();
        await rm(dataDir, { recursive: true, force: true });
      }
    });
  }),
);

/** A file of two parts that are like no others; its uid when the service has said that it is complete. */
async function completeOne(service: RunningService): Promise<string> {
  const client = new RestClient(service.url, service.apiKey);
  const { uid } = (await client.call('POST', '/uploads', { json: { name: 'two.bin', size: 2 * PART } })).json;
  for (const part of [1, 2])
    await client.call('PUT', `/uploads/${uid}/parts/${part}`, { body: random(PART) });
  const { status } = await client.call('POST', `/uploads/${uid}/complete`, { json: {} });
  if (status !== 200) throw new Error(`completing answered ${status}`);
  return uid;
}
