import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { COMMAND } from '#core/audit/caller.ts';
import { announced } from '#core/events/announced-metadata.ts';
import type { NewTask } from '#core/model/task.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { TaskBoard } from '#core/task-board.ts';
import type { TaskRunner } from '#core/tasks/runner.ts';
import { TaskSignals } from '#core/tasks/task-signals.ts';
import type { TaskContext, TaskType } from '#core/tasks/task-type.ts';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import { cronerCron } from '#drivers/cron/croner.ts';
import { openRig, quiet, type Rig } from './rig.ts';

let rig: Rig;
let metadata: Metadata;
let runners: TaskRunner[];
let ends: (() => Promise<void>)[];
beforeEach(async () => {
  rig = await openRig();
  runners = [];
  ends = [];
  metadata = announced(rig.metadata, {
    after: () => {},
    enqueued: (tasks) => runners[0]?.enqueued(tasks),
    priorityOf: (type) => runners[0]?.priorityOf(type) ?? 'normal',
  });
});
afterEach(async () => {
  await Promise.all(runners.map((runner) => runner.stop()));
  for (const end of ends) await end();
  await rig.close();
});

type Handle = (context: TaskContext) => Promise<'done' | 'again'>;
const typeOf = (handle: Handle, more: Partial<TaskType> = {}): TaskType => ({
  ...{ type: 'job', schema: Type.Object({}), handle: (_payload, context) => handle(context), ...more },
});

/** A way of its own to the other processes, as each process has. */
function signals(): TaskSignals {
  const coordinator = new DatabaseCoordinator({ metadata: rig.metadata, clock: rig.clock, logger: quiet });
  const made = new TaskSignals({ coordinator, logger: quiet });
  ends.push(async () => {
    await made.close();
    await coordinator.close();
  });
  return made;
}

async function run(types: readonly TaskType[], more: Parameters<Rig['startRunner']>[0] = {}) {
  const runner = await rig.startRunner({ types, cron: cronerCron, ...more });
  runners.push(runner);
  return runner;
}

async function enqueue(more: Partial<NewTask> = {}, on = metadata): Promise<string> {
  const id = rig.ids.next();
  const task = { type: 'job', key: id, payload: {}, maxAttempts: 3, ...more };
  await on.transaction((r) => r.tasks.enqueue(id, task, rig.clock.now()));
  return id;
}

const find = (id: string) => rig.metadata.tasks.find(id);
const until = (check: () => Promise<void> | void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });
const stateOf = (id: string, state: string) => until(async () => expect((await find(id))?.state).toBe(state));
const untilAborted = ({ signal }: TaskContext) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
const boardOf = (types: readonly TaskType[], more: { signals?: TaskSignals } = {}) =>
  new TaskBoard({
    metadata: rig.metadata,
    clock: rig.clock,
    audit: rig.audit,
    types,
    cron: cronerCron,
    wakeTasks: () => runners[0]?.wake(),
    ...more,
  });

describe('what is enqueued', () => {
  it('starts within 50 ms on an idle process, without being told', async () => {
    let started = 0;
    await run([
      typeOf(async () => {
        started = performance.now();
        return 'done';
      }),
    ]);
    const latencies: number[] = [];
    for (let i = 0; i < 9; i += 1) {
      await sleep(30);
      const id = await enqueue();
      const committed = performance.now();
      await stateOf(id, 'done');
      latencies.push(started - committed);
    }
    expect(latencies.toSorted((a, b) => a - b)[4]).toBeLessThan(50);
  });

  it('is told to other processes when this one has no room, and starts there within two seconds', async () => {
    const ran: string[] = [];
    const hold = Promise.withResolvers<void>();
    const blocked = typeOf(async () => {
      await hold.promise;
      return 'done';
    });
    await run([blocked], { concurrency: 1, signals: signals(), node: 'n1' });
    const first = await enqueue();
    await stateOf(first, 'running');
    const helper = typeOf(async ({ task }) => {
      ran.push(task.id);
      return 'done';
    });
    await run([helper], { concurrency: 1, signals: signals(), node: 'n2' });
    // The inbox of messages of the second process shall be open.
    await sleep(1200);
    const second = await enqueue();
    await vi.waitFor(() => expect(ran).toEqual([second]), { timeout: 2000, interval: 10 });
    hold.resolve();
    await stateOf(first, 'done');
  });

  it('gets the priority of its type, unless it has one', async () => {
    const types = [typeOf(async () => 'done', { priority: 'high' })];
    await run(types, { concurrency: 1 });
    await boardOf(types).pause('job', COMMAND);
    const [byType, own] = [await enqueue(), await enqueue({ priority: 'low' })];
    expect((await find(byType))?.priority).toBe('high');
    expect((await find(own))?.priority).toBe('low');
  });

  it('does not outrun the limit of its type in one process', async () => {
    let now = 0;
    let most = 0;
    const limited = typeOf(
      async () => {
        now += 1;
        most = Math.max(most, now);
        await sleep(10);
        now -= 1;
        return 'done';
      },
      { concurrency: { process: 2 } },
    );
    const free = typeOf(async () => 'done', { type: 'free' });
    await run([limited, free], { concurrency: 8 });
    const ids = await Promise.all(Array.from({ length: 12 }, () => enqueue()));
    const other = await enqueue({ type: 'free' });
    for (const id of [...ids, other]) await stateOf(id, 'done');
    expect(most).toBe(2);
  });

  it('waits without asking often while its type is at its limit in the cluster', async () => {
    const hold = Promise.withResolvers<void>();
    const type = typeOf(
      async () => {
        await hold.promise;
        return 'done';
      },
      { concurrency: { cluster: 1 } },
    );
    await run([type], { concurrency: 4 });
    const ids = [await enqueue(), await enqueue()];
    await until(() => expect(runners[0]?.running).toBe(1));
    await sleep(300);
    const heads = vi.spyOn(rig.metadata.tasks, 'heads');
    await sleep(2000);
    expect(heads.mock.calls.length).toBeLessThan(8);
    hold.resolve();
    for (const id of ids) await stateOf(id, 'done');
  });
});

describe('a running task', () => {
  it('tells its progress with its lease and at its end, however often it speaks', async () => {
    const go = Promise.withResolvers<void>();
    const type = typeOf(async ({ progress }) => {
      for (let done = 0; done < 10_000; done += 1) progress({ done, total: 20_000, unit: 'files' });
      await go.promise;
      progress({ done: 20_000, total: 20_000, unit: 'files' });
      return 'done';
    });
    await run([type], { leaseMs: 600 });
    const beats = vi.spyOn(rig.metadata, 'transaction');
    const id = await enqueue({}, rig.metadata);
    runners[0]?.wake();
    await until(async () =>
      expect((await find(id))?.progress).toEqual({ done: 9999, total: 20_000, unit: 'files' }),
    );
    expect(beats.mock.calls.length).toBeLessThan(12);
    go.resolve();
    await stateOf(id, 'done');
    expect((await find(id))?.progress?.done).toBe(20_000);
  });

  it('is cancelled in another process within two seconds, with the reason, and its signal says why', async () => {
    const begun = Promise.withResolvers<TaskContext>();
    const type = typeOf(async (context) => {
      begun.resolve(context);
      await untilAborted(context);
      throw context.signal.reason;
    });
    await run([type], { leaseMs: 60_000, signals: signals() });
    await sleep(1200);
    const id = await enqueue();
    const { signal } = await begun.promise;
    const board = boardOf([type], { signals: signals() });
    expect(await board.cancel(id, COMMAND, 'a better one came')).toMatchObject({ state: 'running' });
    await vi.waitFor(async () => expect((await find(id))?.state).toBe('cancelled'), {
      timeout: 2500,
      interval: 10,
    });
    expect(signal.reason).toMatchObject({ code: 'Cancelled' });
    expect((await find(id))?.lastError).toBe('a better one came');
    await expect(board.cancel(id, COMMAND)).rejects.toMatchObject({ code: 'Conflict' });
    expect(await board.retry(id, COMMAND)).toMatchObject({ state: 'pending', attempts: 0 });
  });

  it('is over without its handler when that does not heed, which then cannot write', async () => {
    const verdict = Promise.withResolvers<unknown>();
    const go = Promise.withResolvers<void>();
    const type = typeOf(async ({ commit }) => {
      await go.promise;
      await commit(async () => 'written').then(verdict.resolve, verdict.resolve);
      return 'done';
    });
    await run([type], { leaseMs: 300, cancelGraceMs: 100 });
    const id = await enqueue();
    await stateOf(id, 'running');
    await boardOf([type]).cancel(id, COMMAND);
    await stateOf(id, 'cancelled');
    expect(runners[0]?.running).toBe(1);
    go.resolve();
    expect(await verdict.promise).toMatchObject({ code: 'Conflict' });
    await until(() => expect(runners[0]?.running).toBe(0));
    expect((await rig.metadata.tasks.attempts(id)).map(({ outcome }) => outcome)).toEqual(['cancelled']);
  });

  it('is done when its handler finishes though it was cancelled', async () => {
    const type = typeOf(async (context) => {
      await untilAborted(context);
      return 'done';
    });
    await run([type], { leaseMs: 300 });
    const id = await enqueue();
    await stateOf(id, 'running');
    await boardOf([type]).cancel(id, COMMAND);
    await stateOf(id, 'done');
  });
});

describe('recurring work', () => {
  const nightly = (handle: Handle, cron = '0 3 * * *') =>
    typeOf(handle, { schedule: { cron, timeZone: 'Europe/Berlin' } });

  it('runs when its expression says so, once for all that was missed, and then waits for the next time', async () => {
    let runs = 0;
    const type = nightly(async () => {
      runs += 1;
      return 'done';
    });
    await run([type]);
    await run([type]);
    const [task] = await rig.metadata.tasks.list({ type: 'job' }, 9);
    const due = cronerCron.next('0 3 * * *', 'Europe/Berlin', rig.clock.now());
    expect(task).toMatchObject({ state: 'pending', runAt: due });
    await sleep(100);
    expect(runs).toBe(0);
    // Three nights with nobody here.
    await Promise.all(runners.map((runner) => runner.stop()));
    rig.clock.offset += 3 * 24 * 3_600_000;
    await run([type]);
    await until(async () => {
      const again = await find(task?.id ?? '');
      expect(again?.state).toBe('pending');
      expect(again?.runAt).toBeGreaterThan(rig.clock.now());
    });
    await sleep(100);
    expect(runs).toBe(1);
  });

  it('follows a changed expression at the next start', async () => {
    await run([nightly(async () => 'done')]);
    const before = (await rig.metadata.tasks.list({ type: 'job' }, 9))[0]?.runAt;
    const changed = nightly(async () => 'done', '30 4 * * *');
    await run([changed]);
    const tasks = await rig.metadata.tasks.list({ type: 'job' }, 9);
    expect(tasks).toHaveLength(1);
    expect(tasks[0]?.runAt).not.toBe(before);
    expect(tasks[0]?.runAt).toBe(cronerCron.next('30 4 * * *', 'Europe/Berlin', rig.clock.now()));
    expect((await boardOf([changed]).types())[0]).toMatchObject({ schedule: '30 4 * * * Europe/Berlin' });
  });

  it('has only the run cancelled that is under way', async () => {
    const type = nightly(async (context) => {
      await untilAborted(context);
      throw context.signal.reason;
    });
    await run([type], { leaseMs: 300 });
    const board = boardOf([type]);
    const id = (await rig.metadata.tasks.list({ type: 'job' }, 9))[0]?.id ?? '';
    await expect(board.cancel(id, COMMAND)).rejects.toMatchObject({
      ...{ code: 'Conflict', message: expect.stringContaining('pause the type "job"') },
    });
    rig.clock.offset += 24 * 3_600_000;
    runners[0]?.wake();
    await stateOf(id, 'running');
    await board.cancel(id, COMMAND);
    await stateOf(id, 'pending');
    expect((await find(id))?.runAt).toBeGreaterThan(rig.clock.now());
  });

  it('belongs to moves where a move says so', async () => {
    const id = await enqueue({ type: 'move', payload: { moveId: '1', run: 1 } });
    await expect(rig.tasks.cancel(id, COMMAND)).rejects.toMatchObject({
      ...{ code: 'Conflict', message: expect.stringContaining('cancel or pause the move instead') },
    });
  });
});

describe('a paused type', () => {
  it('starts nothing until it is resumed, and is shown', async () => {
    const type = typeOf(async () => 'done');
    await run([type]);
    const board = boardOf([type]);
    expect(await board.pause('job', COMMAND)).toMatchObject({
      type: 'job',
      pausedAt: expect.any(Number),
      isKnown: true,
    });
    const id = await enqueue();
    await sleep(150);
    expect((await find(id))?.state).toBe('pending');
    const [view] = await board.types();
    expect(view).toMatchObject({ counts: { pending: 1, running: 0 }, waitingSince: expect.any(Number) });
    expect(await board.resume('job', COMMAND)).toMatchObject({ pausedAt: undefined });
    await stateOf(id, 'done');
    await expect(board.pause('nothing', COMMAND)).rejects.toMatchObject({ code: 'NotFound' });
  });
});
