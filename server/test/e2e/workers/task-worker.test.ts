import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { rowsIn } from '#test/faults/rows.ts';
import { osproxy } from '#test/faults/store-folder.ts';
import { freePort } from '#test/services/ports.ts';
import { withService } from '#test/services/shared.ts';
import { RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';
import { startTaskWorker, type TaskWorkerProcess } from './task-worker.ts';

const WITHIN = { timeout: 30_000, interval: 50 };
const LEFT = { OSPROXY_TASKS_LEFT_TO_WORKERS: '*' };

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function serve(env: Record<string, string> = {}): Promise<RunningService> {
  const service = await startService({ env });
  closing.push(() => service.close());
  return service;
}

async function work(env: Record<string, string>, begun?: RegExp): Promise<TaskWorkerProcess> {
  const worker = await startTaskWorker(env, begun);
  closing.push(() => worker.kill());
  return worker;
}

/** A file of two parts, which a task has to verify. */
async function complete(service: RunningService): Promise<string> {
  const client = new RestClient(service.url, service.apiKey);
  const { uid } = (await client.call('POST', '/uploads', { json: { name: 'two.bin', size: 8 } })).json;
  for (const [index, body] of ['four', 'more'].entries())
    expect((await client.call('PUT', `/uploads/${uid}/parts/${index + 1}`, { body })).status).toBeLessThan(
      300,
    );
  expect((await client.call('POST', `/uploads/${uid}/complete`, { json: {} })).status).toBe(200);
  return uid;
}

async function verified(service: RunningService, uid: string): Promise<boolean> {
  const client = new RestClient(service.url, service.apiKey);
  return (await client.call('GET', `/files/${uid}`)).json.verified;
}

const composes = (service: RunningService) =>
  rowsIn(service.databaseUrl, "select state from tasks where type = 'compose' order by id");

describe('osproxy worker', () => {
  test('runs what servers leave to it, says how it is, and ends when it is told', async () => {
    const service = await serve(LEFT);
    const uid = await complete(service);
    expect(await composes(service)).toEqual([{ state: 'pending' }]);
    const worker = await work({ ...service.place, ...LEFT });
    await vi.waitFor(async () => expect(await verified(service, uid)).toBe(true), WITHIN);
    const second = await complete(service);
    await vi.waitFor(async () => expect(await verified(service, second)).toBe(true), WITHIN);
    // Recurring work that is left to workers is theirs too.
    const purged = "select state from tasks where type = 'purge' and attempts + fence > 0";
    await vi.waitFor(async () => expect(await rowsIn(service.databaseUrl, purged)).toHaveLength(1), WITHIN);
    expect((await fetch(`${worker.url}/healthz`)).status).toBe(200);
    expect(await (await fetch(`${worker.url}/readyz`)).json()).toMatchObject({ status: 'ok' });
    const metrics = await (await fetch(`${worker.url}/metrics`)).text();
    expect(metrics).toMatch(/osproxy_task_attempts_total\{[^}]*type="compose"[^}]*\} 2/);
    expect((await fetch(`${worker.url}/api/v1/files`)).status).toBe(404);
    expect(await worker.stop()).toBe(0);
    const third = await complete(service);
    expect(await verified(service, third)).toBe(false);
  });

  test('runs only the types it is given', async () => {
    const service = await serve(LEFT);
    await work({ ...service.place, ...LEFT, OSPROXY_TASKS_WORKER_TYPES: 'transfer,move' });
    const uid = await complete(service);
    await work({ ...service.place, ...LEFT, OSPROXY_TASKS_WORKER_TYPES: 'compose' });
    await vi.waitFor(async () => expect(await verified(service, uid)).toBe(true), WITHIN);
  });

  test('waits for a server of its node where files are kept on the node', async () => {
    const service = await serve();
    const elsewhere = await mkdtemp(join(tmpdir(), 'osproxy-worker-'));
    closing.push(() => rm(elsewhere, { recursive: true, force: true }));
    const env = { OSPROXY_DATABASE_URL: service.databaseUrl, OSPROXY_DATA_DIR: elsewhere };
    const worker = await work(env, /no server of this node runs/);
    expect(worker.lines.join('\n')).not.toContain('working on tasks');
    expect(await worker.stop()).toBe(0);
  });

  test.each([
    [{ OSPROXY_TASKS_WORKER_TYPES: 'smoke' }, /tasks\.worker\.types names "smoke", which is not a type/],
    [{ OSPROXY_TASKS_LEFT_TO_WORKERS: 'smoke' }, /tasks\.leftToWorkers names "smoke"/],
    [{ OSPROXY_TASKS_DISPATCH: 'rabbitmq' }, /tasks\.dispatch .* rabbitmq\.url is not set/],
  ])('does not start with a wrong setting: %o', async (env, sentence) => {
    const folder = await mkdtemp(join(tmpdir(), 'osproxy-worker-'));
    closing.push(() => rm(folder, { recursive: true, force: true }));
    await expect(startTaskWorker({ OSPROXY_DATA_DIR: folder, ...env })).rejects.toThrow(sentence);
  });

  test('and its server go on from the database while the broker is away', async () => {
    const push = {
      ...LEFT,
      OSPROXY_RABBITMQ_URL: `amqp://guest:hunter2@127.0.0.1:${await freePort()}`,
      OSPROXY_TASKS_DISPATCH: 'rabbitmq',
    };
    const service = await serve(push);
    const worker = await work({ ...service.place, ...push });
    const uid = await complete(service);
    await vi.waitFor(async () => expect(await verified(service, uid)).toBe(true), WITHIN);
    for (const at of [service.url, worker.url]) {
      const ready = await fetch(`${at}/readyz`);
      expect([ready.status, ((await ready.json()) as { status: string }).status]).toEqual([200, 'degraded']);
    }
    for (const { lines } of [service, worker]) {
      const said = lines.filter((line) => line.includes('RabbitMQ cannot be used'));
      expect(said.length).toBeGreaterThan(0);
      expect(said.length).toBeLessThan(3);
      expect(said.join('\n')).toContain('nothing listens at its address');
      expect(lines.join('\n')).not.toContain('hunter2');
    }
  });

  test('says so when its port is taken', async () => {
    const service = await serve();
    const { port } = new URL(service.url);
    await expect(startTaskWorker({ ...service.place, OSPROXY_TASKS_WORKER_PORT: port })).rejects.toThrow(
      /Nothing can listen on port \d+ of 127\.0\.0\.1 \(EADDRINUSE\); set another tasks\.worker\.port/,
    );
  });
});

await withService('rabbitmq', ({ url }) => {
  test('RabbitMQ tells a worker at once of a task that a server has added', async () => {
    const push = {
      ...LEFT,
      OSPROXY_RABBITMQ_URL: url,
      OSPROXY_TASKS_DISPATCH: 'rabbitmq',
      OSPROXY_TASKS_QUEUE_PREFIX: `test-${crypto.randomUUID().slice(0, 8)}`,
    };
    const service = await serve(push);
    const worker = await work({ ...service.place, ...push });
    for (const at of [service.url, worker.url]) {
      await vi.waitFor(
        async () => expect(await (await fetch(`${at}/readyz`)).json()).toMatchObject({ status: 'ok' }),
        WITHIN,
      );
    }
    const uids: string[] = [];
    for (let i = 0; i < 5; i++) {
      uids.push(await complete(service));
      await vi.waitFor(async () => expect(await verified(service, uids.at(-1) ?? '')).toBe(true), WITHIN);
    }
    const counted = async (at: string | undefined, what: string) => {
      const text = await (await fetch(`${at}/metrics`)).text();
      return Number(new RegExp(`osproxy_task_hints_total\\{what="${what}"\\} (\\d+)`).exec(text)?.[1]);
    };
    await vi.waitFor(async () => {
      expect(await counted(service.url, 'announced')).toBeGreaterThanOrEqual(5);
      expect(await counted(worker.url, 'received')).toBeGreaterThanOrEqual(5);
    }, WITHIN);
    const doctor = (env: object) =>
      osproxy(['doctor'], { ...service.place, ...push, ...env }, service.dataDir);
    expect((await doctor({})).out).toMatch(/rabbitmq +ok +lets the service in after \d+ ms/);
    const wrong = new URL(url);
    wrong.password = 'hunter2';
    const refused = await doctor({ OSPROXY_RABBITMQ_URL: wrong.href });
    expect(refused.out).toMatch(/rabbitmq +FAILED +the broker refused the user.*Check rabbitmq\.url/);
    expect(refused.out + refused.errors).not.toContain('hunter2');
    expect(await worker.stop()).toBe(0);
    expect(await service.stop()).toBe(0);
  }, 90_000);
});
