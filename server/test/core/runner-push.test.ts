import { Type } from 'typebox';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DueTask, TaskPush, TaskTaker } from '#core/ports/task-push.ts';
import type { TaskRunner } from '#core/tasks/runner.ts';
import { serverRole } from '#core/tasks/task-role.ts';
import type { TaskType } from '#core/tasks/task-type.ts';
import { openRig, type Rig } from './rig.ts';

/** Hints that are kept until the test gives them on, or never. */
class HeldPush implements TaskPush {
  reaches = true;
  announces = true;
  readonly told: DueTask[] = [];
  taker: TaskTaker | undefined;
  announce(tasks: readonly DueTask[]): boolean {
    if (this.announces) this.told.push(...tasks);
    return this.announces;
  }
  start(taker: TaskTaker): void {
    this.taker = taker;
  }
  roomAgain(): void {}
  async pause(): Promise<void> {}
  async close(): Promise<void> {}
}

let rig: Rig;
let runner: TaskRunner | undefined;
let push: HeldPush;
beforeEach(async () => {
  rig = await openRig();
  push = new HeldPush();
});
afterEach(async () => {
  await runner?.stop();
  await rig.close();
});

async function add(): Promise<string> {
  const id = rig.ids.next();
  const task = { type: 'job', key: id, payload: {}, maxAttempts: 3 };
  await rig.metadata.transaction((r) => r.tasks.enqueue(id, task, rig.clock.now()));
  runner?.enqueued([{ ...task, id }]);
  return id;
}

async function begin(handle: TaskType['handle']): Promise<string[]> {
  const ran: string[] = [];
  const type: TaskType = {
    type: 'job',
    schema: Type.Object({}),
    handle: async (payload, context) => {
      ran.push(context.task.id);
      return handle(payload, context);
    },
  };
  runner = await rig.startRunner({ types: [type], push });
  return ran;
}

const stateOf = async (id: string) => (await rig.metadata.tasks.find(id))?.state;
const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 5 });

describe('a runner that is told of tasks', () => {
  test('leaves a new task to its hint, and runs it once however often that comes', async () => {
    const ran = await begin(async () => 'done');
    const id = await add();
    expect(push.told).toMatchObject([{ id, type: 'job', priority: 'normal' }]);
    expect(push.taker?.types).toEqual([{ type: 'job', most: 2 }]);
    expect(await stateOf(id)).toBe('pending');
    await Promise.all([1, 2, 3].map(() => push.taker?.take(id, 'job')));
    expect(await stateOf(id)).toBe('done');
    await push.taker?.take(id, 'job');
    await push.taker?.take('17', 'job');
    expect(ran).toEqual([id]);
  });

  test('finds by itself what it was never told of, after some seconds', async () => {
    const ran = await begin(async () => 'done');
    const began = performance.now();
    const id = await add();
    await until(async () => expect(await stateOf(id)).toBe('done'));
    expect(performance.now() - began).toBeGreaterThan(4000);
    expect(ran).toEqual([id]);
  }, 30_000);

  test.each([
    ['nobody can be told', { announces: false }],
    ['hints do not reach it', { reaches: false }],
  ])('looks into the database at once while %s', async (_what, state) => {
    Object.assign(push, state);
    await begin(async () => 'done');
    const began = performance.now();
    const id = await add();
    await until(async () => expect(await stateOf(id)).toBe('done'));
    expect(performance.now() - began).toBeLessThan(3500);
  });

  test('looks at once when the way has gone', async () => {
    await begin(async () => 'done');
    const id = await add();
    push.reaches = false;
    const began = performance.now();
    push.taker?.changed();
    await until(async () => expect(await stateOf(id)).toBe('done'));
    expect(performance.now() - began).toBeLessThan(3500);
  });

  test('says when a task that failed is due again, and when one was cut off', async () => {
    await begin(async () => {
      throw new Error('not today');
    });
    const id = await add();
    await push.taker?.take(id, 'job');
    const again = (await rig.metadata.tasks.find(id))?.runAt ?? 0;
    expect(push.told).toMatchObject([{ id }, { id, type: 'job', runAt: again }]);
    expect(again).toBeGreaterThan(rig.clock.now());
  });

  test('has room for no more than it may run, hints included', async () => {
    const gate = Promise.withResolvers<void>();
    await begin(async () => {
      await gate.promise;
      return 'done';
    });
    const ids = [await add(), await add()];
    expect(push.taker?.hasRoom('job')).toBe(true);
    const taking = ids.map((id) => push.taker?.take(id, 'job'));
    expect(push.taker?.hasRoom('job')).toBe(false);
    expect(push.taker?.hasRoom('other')).toBe(false);
    gate.resolve();
    await Promise.all(taking);
    expect(push.taker?.hasRoom('job')).toBe(true);
  });

  test('asks for no hints of what its role leaves to others', async () => {
    const type: TaskType = { type: 'job', schema: Type.Object({}), handle: async () => 'done' };
    const started = await rig.startRunner({ types: [type], push });
    await started.stop();
    const other = await rig.startRunner({ types: [type], push });
    await other.start(serverRole(['job']));
    expect(push.taker?.types).toEqual([]);
    await other.stop();
  });
});
