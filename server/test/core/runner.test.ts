import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import type { NewTask } from '#core/model/task.ts';
import { NodeAway } from '#core/ports/peers.ts';
import { claimNext } from '#core/tasks/claim.ts';
import type { TaskRunner } from '#core/tasks/runner.ts';
import type { TaskContext, TaskType } from '#core/tasks/task-type.ts';
import { openRig, type Rig } from './rig.ts';

let rig: Rig;
let runners: TaskRunner[] = [];
beforeEach(async () => {
  rig = await openRig();
});
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.stop()));
  runners = [];
  await rig.close();
});

const schema = Type.Object({ n: Type.Optional(Type.Number()) });
type Handle = (context: TaskContext) => Promise<'done' | 'again'>;
const typeOf = (handle: Handle, more: Partial<TaskType> = {}): TaskType => ({
  type: 'job',
  schema,
  handle: (_payload, context) => handle(context),
  ...more,
});

async function run(type: TaskType, more: { concurrency?: number; leaseMs?: number; node?: string } = {}) {
  const runner = await rig.startRunner({ types: [type], ...more });
  runners.push(runner);
  return runner;
}

async function enqueue(more: Partial<NewTask> = {}): Promise<string> {
  const id = rig.ids.next();
  const task = { type: 'job', key: id, payload: {}, maxAttempts: 3, ...more };
  await rig.metadata.transaction((r) => r.tasks.enqueue(id, task, rig.clock.now()));
  return id;
}

const task = (id: string) => rig.metadata.tasks.find(id);
const outcomes = async (id: string) => (await rig.metadata.tasks.attempts(id)).map((one) => one.outcome);
const until = (check: () => Promise<void> | void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });
const stateOf = (id: string, state: string) => until(async () => expect((await task(id))?.state).toBe(state));
/** Another node claims everything, as if this one had gone silent. */
const takeOver = () =>
  claimNext(rig.metadata, ['job'], { node: 'n2', now: rig.clock.now() + 1e9, leaseMs: 1e9 });

describe('TaskRunner', () => {
  it('runs each task once, at most as many at once as allowed', async () => {
    let now = 0;
    let most = 0;
    const full = Promise.withResolvers<void>();
    const ran: string[] = [];
    const ids = await Promise.all(Array.from({ length: 12 }, () => enqueue()));
    await run(
      typeOf(async (context) => {
        now += 1;
        most = Math.max(most, now);
        // Each waits until the runner had as many at once as it may, and then a little for one too many.
        if (now === 3) full.resolve();
        await full.promise;
        await sleep(5);
        ran.push(context.task.id);
        now -= 1;
        return 'done';
      }),
      { concurrency: 3 },
    );
    for (const id of ids) await stateOf(id, 'done');
    expect(ran.toSorted()).toEqual(ids.toSorted());
    expect(most).toBe(3);
  });

  it('two nodes share the work and never run a task twice', async () => {
    const ran: string[] = [];
    const type = typeOf(async (context) => {
      ran.push(context.task.id);
      await sleep(2);
      return 'done';
    });
    await run(type, { node: 'n1' });
    await run(type, { node: 'n2' });
    const ids = await Promise.all(Array.from({ length: 40 }, () => enqueue()));
    for (const runner of runners) runner.wake();
    for (const id of ids) await stateOf(id, 'done');
    expect(ran.toSorted()).toEqual(ids.toSorted());
  });

  it('begins within 50 ms of wake()', async () => {
    let started = 0;
    const runner = await run(
      typeOf(async () => {
        started = performance.now();
        return 'done';
      }),
    );
    const latencies: number[] = [];
    for (let i = 0; i < 9; i += 1) {
      const id = await enqueue();
      const woken = performance.now();
      runner.wake();
      await stateOf(id, 'done');
      latencies.push(started - woken);
    }
    expect(latencies.toSorted((a, b) => a - b)[4]).toBeLessThan(50);
  });

  it('asks the database nothing while it is idle, until five seconds are over', async () => {
    await run(typeOf(async () => 'done'));
    await sleep(300);
    const asked = vi.spyOn(rig.metadata.tasks, 'heads');
    const wrote = vi.spyOn(rig.metadata, 'transaction');
    await sleep(2000);
    expect(asked.mock.calls.length + wrote.mock.calls.length).toBeLessThanOrEqual(2);
  });

  it('begins by itself when a task becomes due', async () => {
    await run(typeOf(async () => 'done'));
    await until(async () => {
      await sleep(50);
    });
    const id = await enqueue({ runAt: rig.clock.now() + 400 });
    runners[0]?.wake();
    await sleep(200);
    expect((await task(id))?.state).toBe('pending');
    await stateOf(id, 'done');
  });

  it('tries again with a growing pause, and fails for good with the reason after the last attempt', async () => {
    const id = await enqueue({ maxAttempts: 3 });
    const runner = await run(
      typeOf(async () => {
        throw new Error('no luck', { cause: new Error('really') });
      }),
    );
    const pauses: number[] = [];
    for (const attempts of [1, 2]) {
      await until(async () => expect(await task(id)).toMatchObject({ state: 'pending', attempts }));
      const found = await task(id);
      pauses.push((found?.runAt ?? 0) - (found?.updatedAt ?? 0));
      expect(found?.lastError).toMatch(/^Internal: /);
      rig.clock.offset += 10_000;
      runner.wake();
    }
    await stateOf(id, 'failed');
    expect((await task(id))?.lastError).toContain('no luck');
    expect(await outcomes(id)).toEqual(['retry', 'retry', 'failed']);
    expect(pauses[0]).toBeGreaterThanOrEqual(500);
    expect(pauses[0]).toBeLessThanOrEqual(1600);
    expect(pauses[1]).toBeGreaterThanOrEqual(1000);
    expect(pauses[1]).toBeLessThanOrEqual(3100);
  });

  it('fails a task whose payload does not fit', async () => {
    const id = await enqueue({ payload: { n: 'text' } });
    await run(typeOf(async () => 'done'));
    await stateOf(id, 'failed');
    expect((await task(id))?.lastError).toContain('does not fit');
  });

  it('skips what the pre-check finds done', async () => {
    const handle = vi.fn(async () => 'done' as const);
    const id = await enqueue();
    await run(typeOf(handle, { precheck: async () => false }));
    await stateOf(id, 'done');
    expect(handle).not.toHaveBeenCalled();
  });

  it('keeps a long task by its heartbeat', async () => {
    const id = await enqueue();
    let runs = 0;
    await run(
      typeOf(async () => {
        runs += 1;
        await sleep(1200);
        return 'done';
      }),
      { leaseMs: 300 },
    );
    await stateOf(id, 'done');
    expect(runs).toBe(1);
    expect(await outcomes(id)).toEqual(['done']);
  });

  it('tells a handler whose task was taken over, and refuses its commit', async () => {
    const id = await enqueue();
    const begun = Promise.withResolvers<TaskContext>();
    const verdict = Promise.withResolvers<unknown>();
    await run(
      typeOf(async (context) => {
        begun.resolve(context);
        await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
        const commit = context.commit((r) =>
          r.tasks.enqueue('999', { type: 'x', key: 'x', payload: {}, maxAttempts: 1 }, 1),
        );
        await commit.then(verdict.resolve, verdict.resolve);
        return 'done';
      }),
      { leaseMs: 300 },
    );
    const { signal } = await begun.promise;
    expect((await takeOver())?.id).toBe(id);
    expect(await verdict.promise).toMatchObject({ code: 'Conflict' });
    expect(signal.reason).toMatchObject({ code: 'Conflict' });
    expect(await task('999')).toBeUndefined();
    await sleep(50);
    expect(await task(id)).toMatchObject({ state: 'running', node: 'n2', fence: 2 });
  });

  it('takes over a task whose node went silent', async () => {
    const id = await enqueue();
    await claimNext(rig.metadata, ['job'], { node: 'dead', now: rig.clock.now(), leaseMs: 500 });
    await run(typeOf(async () => 'done'));
    await stateOf(id, 'done');
    expect(await outcomes(id)).toEqual(['lost', 'done']);
  });

  it('gives a task up that takes its process down each time', async () => {
    const id = await enqueue({ maxAttempts: 3 });
    for (let i = 0; i < 3; i += 1) {
      await claimNext(rig.metadata, ['job'], { node: 'dead', now: rig.clock.now(), leaseMs: 1 });
      await sleep(5);
    }
    const handle = vi.fn(async () => 'done' as const);
    await run(typeOf(handle));
    await stateOf(id, 'failed');
    expect(handle).not.toHaveBeenCalled();
    expect((await task(id))?.lastError).toContain('process');
  });

  it('stop ends running tasks, leaves them due for the next start and waits for them', async () => {
    const id = await enqueue();
    const begun = Promise.withResolvers<void>();
    let ended = false;
    const runner = await run(
      typeOf(async ({ signal }) => {
        begun.resolve();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        await sleep(50);
        ended = true;
        throw signal.reason;
      }),
    );
    await begun.promise;
    await runner.stop();
    expect(ended).toBe(true);
    expect(await task(id)).toMatchObject({ state: 'pending', attempts: 0, lastError: undefined });
    expect(await outcomes(id)).toEqual(['released']);
    runner.wake();
    await sleep(50);
    expect((await task(id))?.state).toBe('pending');
    await run(typeOf(async () => 'done'));
    await stateOf(id, 'done');
  });

  it('lets a task of one attempt wait for a node that is away, also when another failure hides that', async () => {
    const id = await enqueue({ maxAttempts: 1 });
    let runs = 0;
    const runner = await run(
      typeOf(async () => {
        runs += 1;
        if (runs > 3) return 'done';
        const cause = new NodeAway('It is on another node.');
        throw runs === 2 ? new OsproxyError('Internal', 'It broke off.', { cause }) : cause;
      }),
    );
    for (const run of [1, 2, 3]) {
      await until(async () => {
        expect(runs).toBe(run);
        expect(await task(id)).toMatchObject({ state: 'pending', attempts: 0 });
      });
      const { runAt = 0, updatedAt = 0 } = (await task(id)) ?? {};
      expect(runAt - updatedAt).toBeGreaterThanOrEqual(1_400);
      expect(runAt - updatedAt).toBeLessThanOrEqual(40_000);
      rig.clock.offset += 60_000;
      runner.wake();
    }
    await stateOf(id, 'done');
    expect(await outcomes(id)).toEqual(['done']);
  });

  it('leaves recurring tasks of the cluster to the node that leads, and runs those of its own', async () => {
    const ran: string[] = [];
    const recurring = (type: string, more: Partial<TaskType> = {}) =>
      typeOf(
        async () => {
          ran.push(type);
          return 'done';
        },
        { type, everyMs: 20, ...more },
      );
    let leads = false;
    const types = [recurring('of-all'), recurring('of-node', { ofNode: true })];
    const runner = await rig.startRunner({ types, leads: () => leads });
    runners.push(runner);
    await until(() => expect(ran.length).toBeGreaterThan(3));
    expect(new Set(ran)).toEqual(new Set(['of-node']));
    leads = true;
    await runner.schedule();
    await until(() => expect(ran).toContain('of-all'));
    leads = false;
    await sleep(100);
    const before = ran.filter((type) => type === 'of-all').length;
    await sleep(200);
    expect(ran.filter((type) => type === 'of-all').length).toBe(before);
  });

  it('does not lose attempts to stops: a task of one attempt survives several', async () => {
    const id = await enqueue({ maxAttempts: 1 });
    for (let i = 0; i < 3; i += 1) {
      const begun = Promise.withResolvers<void>();
      const runner = await run(
        typeOf(async ({ signal }) => {
          begun.resolve();
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          throw signal.reason;
        }),
      );
      await begun.promise;
      await runner.stop();
    }
    await run(typeOf(async () => 'done'));
    await stateOf(id, 'done');
    expect(await outcomes(id)).toEqual(['released', 'released', 'released', 'done']);
  });

  it('runs a recurring task again and again, also after a failure, and has it only once', async () => {
    let runs = 0;
    const type = typeOf(
      async () => {
        runs += 1;
        if (runs === 2) throw new Error('once');
        return 'done';
      },
      { everyMs: 30 },
    );
    await run(type);
    await run(type);
    await until(() => expect(runs).toBeGreaterThan(4));
    expect(await rig.metadata.tasks.list({ type: 'job' }, 10)).toHaveLength(1);
  });

  it('goes on after the database was away', async () => {
    const id = await enqueue();
    const { transaction } = rig.metadata;
    const failing = vi.spyOn(rig.metadata, 'transaction');
    const runner = await run(typeOf(async () => 'done'));
    await stateOf(id, 'done');
    failing.mockRejectedValue(new Error('away'));
    const heads = vi.spyOn(rig.metadata.tasks, 'heads').mockRejectedValue(new Error('away'));
    runner.wake();
    await sleep(50);
    failing.mockImplementation(transaction.bind(rig.metadata));
    heads.mockRestore();
    const next = await enqueue();
    runner.wake();
    await stateOf(next, 'done');
  });

  it('leaves no listeners on its stop signal after many tasks', async () => {
    const signals: AbortSignal[] = [];
    const warned: Error[] = [];
    const note = (warning: Error) => warned.push(warning);
    process.on('warning', note);
    await run(
      typeOf(async ({ signal }) => {
        signals.push(signal);
        return 'done';
      }),
      { concurrency: 4 },
    );
    const ids = await Promise.all(Array.from({ length: 60 }, () => enqueue()));
    runners[0]?.wake();
    for (const id of ids) await stateOf(id, 'done');
    process.off('warning', note);
    expect(signals).toHaveLength(60);
    expect(warned.map(({ name }) => name)).not.toContain('MaxListenersExceededWarning');
  });
});
