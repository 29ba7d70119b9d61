import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { osproxy } from '#test/faults/store-folder.ts';
import { call } from '../events/event-client.ts';
import { type RunningService, startService } from '../service.ts';

const WITHIN = { timeout: 40_000, interval: 50 };

interface Task {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly lastError?: string;
}
interface TypeView {
  readonly type: string;
  readonly pausedAt?: string;
  readonly schedule?: string;
  readonly counts: { readonly pending: number };
}

const SETTINGS = {
  OSPROXY_TASKS_SCHEDULES: '{"purge": "0 3 * * *"}',
  OSPROXY_TASKS_TIME_ZONE: 'Europe/Berlin',
  OSPROXY_TASKS_CLUSTER_LIMITS: '{"compose": 2}',
};

let service: RunningService;
beforeEach(async () => {
  service = await startService({ env: SETTINGS });
});
afterEach(() => service.close());

/** A file of two parts, whose verification is a task. */
async function putParts(): Promise<string> {
  const { uid } = (await call(service, 'POST', '/uploads', { name: 'two.bin' })).body as { uid: string };
  for (const number of [1, 2]) {
    const response = await fetch(`${service.url}/api/v1/uploads/${uid}/parts/${number}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${service.apiKey}` },
      body: randomBytes(1000),
    });
    expect(response.status).toBe(200);
  }
  expect((await call(service, 'POST', `/uploads/${uid}/complete`)).status).toBe(200);
  return uid;
}

const get = async <T>(path: string) => (await call(service, 'GET', path)).body as T;
const tasksOf = async (query: string) => (await get<{ tasks: Task[] }>(`/tasks?${query}`)).tasks;
const typeOf = async (name: string) =>
  (await get<{ types: TypeView[] }>('/task-types')).types.find(({ type }) => type === name);
const verified = (uid: string) =>
  vi.waitFor(async () => expect(await get(`/files/${uid}`)).toMatchObject({ verified: true }), WITHIN);
const command = (...words: string[]) =>
  osproxy(['tasks', ...words], { ...service.place, ...SETTINGS }, service.dataDir);

describe('background work', { timeout: 120_000 }, () => {
  test('is paused by type, cancelled, tried again and shown with its attempts, by API', async () => {
    expect(await call(service, 'POST', '/task-types/compose/pause')).toMatchObject({
      ...{ status: 200, body: { type: 'compose', pausedAt: expect.any(String), limits: { cluster: 2 } } },
    });
    const [uid, other] = [await putParts(), await putParts()];
    const waiting = await tasksOf('type=compose&state=pending');
    expect(waiting).toHaveLength(2);
    expect(await typeOf('compose')).toMatchObject({ counts: { pending: 2 } });
    const id = waiting.at(-1)?.id ?? '';
    expect(await call(service, 'POST', `/tasks/${id}/cancel`, { reason: 'not now' })).toMatchObject({
      ...{ status: 200, body: { id, state: 'cancelled', lastError: 'not now' } },
    });
    expect((await call(service, 'POST', `/tasks/${id}/cancel`)).status).toBe(409);
    expect((await call(service, 'POST', '/task-types/compose/resume')).body).not.toHaveProperty('pausedAt');
    await verified(other);
    expect(await get(`/files/${uid}`)).toMatchObject({ verified: false });
    expect((await call(service, 'POST', `/tasks/${id}/retry`)).status).toBe(200);
    await verified(uid);
    expect(await get(`/tasks/${id}`)).toMatchObject({
      ...{ id, type: 'compose', key: uid, state: 'done', attempts: 1, payload: { uid } },
      history: [{ number: 1, outcome: 'done', endedAt: expect.any(String) }],
    });
    const pages: string[] = [];
    for (let cursor = ''; ; ) {
      const query = `limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const page = await get<{ tasks: Task[]; next: string | null }>(`/tasks?${query}`);
      pages.push(...page.tasks.map((task) => task.id));
      if (page.next === null) break;
      cursor = page.next;
    }
    expect(pages).toEqual((await tasksOf('limit=1000')).map((task) => task.id));
    expect((await call(service, 'GET', '/tasks?cursor=bad')).status).toBe(400);
  });

  test('follows the configured schedule, and is told by metrics', async () => {
    expect(await typeOf('purge')).toMatchObject({ schedule: '0 3 * * * Europe/Berlin' });
    const [purge] = (await get<{ tasks: (Task & { runAt: string })[] }>('/tasks?type=purge')).tasks;
    expect(purge?.state).toBe('pending');
    const hour = new Date(purge?.runAt ?? '').toLocaleString('en-GB', {
      timeZone: 'Europe/Berlin',
      hour: '2-digit',
      minute: '2-digit',
    });
    expect(hour).toBe('03:00');
    await call(service, 'POST', '/task-types/purge/pause');
    const metrics = await (
      await fetch(`${service.url}/metrics`, { headers: { authorization: `Bearer ${service.apiKey}` } })
    ).text();
    expect(metrics).toMatch(/^osproxy_task_type_paused\{type="purge"\} 1$/m);
    expect(metrics).toMatch(/^osproxy_task_type_paused\{type="compose"\} 0$/m);
    expect(metrics).toMatch(/^osproxy_task_oldest_waiting_seconds\{type="compose"\} 0$/m);
    expect(metrics).toMatch(/^osproxy_tasks\{type="purge",state="pending"\} 1$/m);
  });

  test('is seen and changed by command', async () => {
    expect((await command('pause', 'compose')).out).toMatch(
      /^The type "compose" is paused; 0 of its tasks wait/,
    );
    const uid = await putParts();
    const listed = await command('list', '--type', 'compose');
    const id = /^(\d+) +compose +pending +normal/m.exec(listed.out)?.[1] ?? '';
    expect(id).not.toBe('');
    expect((await command('types')).out).toMatch(/^compose +paused since \S+ +1 +0 .* 2 in all/m);
    expect((await command('cancel', id, '--reason', 'later')).out).toBe(
      `Task ${id} (compose) is cancelled.\n`,
    );
    expect((await command('cancel', id)).errors).toMatch(/there is nothing to cancel/);
    expect((await command('show', id)).out).toMatch(/LAST ERROR +later\n/);
    expect((await command('retry', id)).out).toBe(
      `Task ${id} (compose) is due again, with all its attempts.\n`,
    );
    expect((await command('resume', 'compose')).code).toBe(0);
    // The running service is told at once, also by another process.
    await vi.waitFor(
      async () => expect(await get(`/files/${uid}`)).toMatchObject({ verified: true }),
      WITHIN,
    );
    expect(JSON.parse((await command('show', id, '--json')).out)).toMatchObject({ task: { state: 'done' } });
    expect((await command('pause', 'nothing')).errors).toMatch(/There is no type of tasks "nothing"/);
    expect((await command('stop', id)).code).toBe(2);
  });
});

test('a schedule that cannot be read, and one of no known work, stop the start with one sentence each', async () => {
  const env = {
    ...service.place,
    OSPROXY_TASKS_SCHEDULES: '{"purge": "every night", "dance": "0 3 * * *"}',
    OSPROXY_TASKS_PROCESS_LIMITS: '{"compose": 0}',
  };
  const refused = await osproxy(['config', 'print'], env, service.dataDir);
  expect(refused.errors).toMatch(
    /tasks\.processLimits\.compose \(from .*\) is 0; it must be a whole number from 1 to 1000/,
  );
  const { OSPROXY_TASKS_PROCESS_LIMITS: _limits, ...others } = env;
  const { code, errors } = await osproxy(['tasks', 'list'], others, service.dataDir);
  expect(code).not.toBe(0);
  expect(errors).toMatch(/tasks\.schedules names "dance"/);
});
