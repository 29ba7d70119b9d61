import { describe, expect, it } from 'vitest';
import { KEPT_ATTEMPTS, type NewTask, PRIORITY_STEP_MS, type TaskPriority } from '#core/model/task.ts';
import type { ClaimRule } from '#core/ports/metadata/tasks.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { claimNext } from '#core/tasks/claim.ts';
import type { Fixture } from './metadata-fixture.ts';
import { NOW, newId, sampleTask, write } from './metadata-samples.ts';

const LEASE = 1000;
const HOUR = 3_600_000;

/** What administrators and types may say about tasks: priorities, limits, pauses, cancelling, schedules. */
export function taskControlContract({ metadata, openAnother }: Fixture): void {
  const enqueue = async (values: Partial<NewTask> = {}, now = NOW): Promise<string> => {
    const id = newId();
    await write(metadata(), ({ tasks }) => tasks.enqueue(id, sampleTask(values), now));
    return id;
  };
  const claim = (now = NOW, rule: ClaimRule = {}, on: Metadata = metadata()) =>
    claimNext(on, ['compose', 'purge'], { node: 'n1', now, leaseMs: LEASE, ruleOf: () => rule });
  const cancel = (id: string, now = NOW) =>
    write(metadata(), ({ tasks }) => tasks.cancel(id, 'not wanted', now));
  const pause = (paused: boolean, on = metadata(), type = 'compose') =>
    write(on, ({ tasks }) => tasks.setPaused(type, paused, NOW));
  const outcomes = async (id: string) => (await metadata().tasks.attempts(id)).map(({ outcome }) => outcome);
  const find = (id: string) => metadata().tasks.find(id);

  describe('control of tasks', () => {
    it('takes high before low, each level as much as a minute of waiting, across types', async () => {
      const add = (priority: TaskPriority, runAt: number, type = 'compose') =>
        enqueue({ priority, runAt, type });
      const low = await add('low', NOW);
      const lateLow = await add('low', NOW + PRIORITY_STEP_MS);
      const normal = await add('normal', NOW + 1);
      const high = await add('high', NOW + 2, 'purge');
      const lateHigh = await add('high', NOW + 2 * PRIORITY_STEP_MS + 1);
      const order: (string | undefined)[] = [];
      const now = NOW + HOUR;
      for (let i = 0; i < 5; i += 1) order.push((await claim(now))?.id);
      // The low one has waited longer by two levels than the late high one, the other low one has not.
      expect(order).toEqual([high, normal, low, lateHigh, lateLow]);
      expect((await find(high))?.priority).toBe('high');
    });

    it('starts no more of a type than its limit in the cluster, also when many ask at once in two processes', async () => {
      const other = await openAnother();
      for (let i = 0; i < 12; i += 1) await enqueue();
      const claims = Array.from({ length: 12 }, (_, i) =>
        claim(NOW, { limit: 3 }, i % 2 === 0 ? metadata() : other),
      );
      const started = (await Promise.all(claims)).filter((task) => task !== undefined);
      expect(started.length).toBeLessThanOrEqual(3);
      while (started.length < 3) {
        const task = await claim(NOW, { limit: 3 });
        if (task === undefined) throw new Error('There is room for more.');
        started.push(task);
      }
      expect(await claim(NOW, { limit: 3 })).toBeUndefined();
      // A lease that is over makes no room for another task, only for the same one.
      const again = await claim(NOW + LEASE, { limit: 3 });
      expect(started.map(({ id }) => id)).toContain(again?.id);
      const [first] = started.filter(({ id }) => id !== again?.id);
      await write(metadata(), ({ tasks }) =>
        tasks.finish(first?.id ?? '', first?.fence ?? 0, { outcome: 'done' }, NOW),
      );
      expect(await claim(NOW, { limit: 3 })).toBeDefined();
      expect(await claim(NOW, { limit: 3 })).toBeUndefined();
    });

    it('starts nothing of a paused type, and says what is paused', async () => {
      const id = await enqueue();
      expect(await pause(true)).toBe(true);
      expect(await pause(true)).toBe(false);
      expect(await metadata().tasks.types()).toEqual([
        { type: 'compose', pausedAt: NOW, schedule: undefined },
      ]);
      expect(await metadata().tasks.heads(['compose'])).toEqual([]);
      expect(await metadata().tasks.heads(['compose'], true)).toHaveLength(1);
      const head = { type: 'compose', state: 'pending', priority: 'normal', dueAt: NOW, runAt: NOW } as const;
      const stale = { node: 'n1', now: NOW, leaseMs: LEASE };
      expect(await write(metadata(), ({ tasks }) => tasks.claim([head], stale))).toBeUndefined();
      expect(await write(metadata(), ({ tasks }) => tasks.claimThis(id, stale))).toBeUndefined();
      expect(await pause(false)).toBe(true);
      expect((await claim())?.id).toBe(id);
    });

    it('lets no claim succeed after a pause was committed', async () => {
      const other = await openAnother();
      for (let round = 0; round < 15; round += 1) {
        for (let i = 0; i < 4; i += 1) await enqueue({ runAt: NOW - HOUR });
        const claims = Array.from({ length: 4 }, () => claim(NOW, {}, other));
        await pause(true);
        const running = async () => (await metadata().tasks.list({ state: 'running' }, 100)).length;
        const atPause = await running();
        await Promise.all(claims);
        expect(await running()).toBe(atPause);
        await pause(false);
        await write(metadata(), async ({ tasks }) => {
          for (const task of await tasks.list({}, 100)) {
            await tasks.cancel(task.id, 'x', NOW);
            await tasks.finish(task.id, task.fence, { outcome: 'cancelled', error: 'x' }, NOW);
          }
          await tasks.removeEnded(NOW, 100);
        });
      }
    }, 60_000);

    it('cancels a pending task at once, and asks for the end of a running one', async () => {
      const waiting = await enqueue({ key: 'k' });
      expect(await cancel(waiting)).toBe('cancelled');
      expect(await find(waiting)).toMatchObject({
        state: 'cancelled',
        lastError: 'not wanted',
        endedAt: NOW,
      });
      expect(await cancel(waiting)).toBeUndefined();
      expect(await cancel(newId())).toBeUndefined();
      const id = await enqueue({ key: 'k' });
      const task = await claim();
      expect(task?.id).toBe(id);
      const beat = () => write(metadata(), ({ tasks }) => tasks.heartbeat(id, 1, NOW + LEASE));
      expect(await beat()).toBe('held');
      expect(await cancel(id, NOW + 5)).toBe('cancelling');
      expect(await cancel(id, NOW + 6)).toBe('cancelling');
      expect((await find(id))?.cancelAt).toBe(NOW + 5);
      expect(await beat()).toBe('cancelling');
      const retry = { outcome: 'retry', runAt: NOW, error: 'broken off' } as const;
      expect(await write(metadata(), ({ tasks }) => tasks.finish(id, 1, retry, NOW + 7))).toBe(true);
      expect(await find(id)).toMatchObject({
        ...{ state: 'cancelled', lastError: 'not wanted', endedAt: NOW + 7, cancelAt: undefined },
      });
      expect(await outcomes(id)).toEqual(['cancelled']);
      expect(await claim()).toBeUndefined();
      expect(await write(metadata(), ({ tasks }) => tasks.retry(id, NOW))).toBe(true);
      expect((await claim())?.id).toBe(id);
    });

    it('leaves a task done that was done before it heard of the cancelling, whichever comes first', async () => {
      const other = await openAnother();
      for (let round = 0; round < 15; round += 1) {
        const id = await enqueue();
        const task = await claim();
        const finish = () =>
          write(other, ({ tasks }) => tasks.finish(id, task?.fence ?? 0, { outcome: 'done' }, NOW));
        const both = round % 2 === 0 ? [finish(), cancel(id)] : [cancel(id), finish()];
        const answers = await Promise.all(both);
        expect(answers).toContain(true);
        expect((await find(id))?.state).toBe('done');
        expect(await outcomes(id)).toEqual(['done']);
      }
    });

    it('sends recurring work back to wait when its run is cancelled', async () => {
      const id = await enqueue();
      await claim();
      await cancel(id);
      const end = { outcome: 'cancelled', error: 'not wanted', recursAt: NOW + HOUR } as const;
      await write(metadata(), ({ tasks }) => tasks.finish(id, 1, end, NOW));
      expect(await find(id)).toMatchObject({ state: 'pending', runAt: NOW + HOUR, attempts: 0 });
      expect(await outcomes(id)).toEqual(['cancelled']);
      await claim(NOW + HOUR);
      await cancel(id);
      const again = { outcome: 'again', runAt: NOW + 2 * HOUR, recursAt: NOW + 3 * HOUR } as const;
      await write(metadata(), ({ tasks }) => tasks.finish(id, 2, again, NOW));
      expect(await find(id)).toMatchObject({ state: 'pending', runAt: NOW + 2 * HOUR });
    });

    it('ends a task that was to be cancelled when its node fell silent', async () => {
      const id = await enqueue();
      await claim();
      await cancel(id);
      expect(await claim(NOW + LEASE)).toBeUndefined();
      expect(await find(id)).toMatchObject({ state: 'cancelled', lastError: 'not wanted' });
      expect(await outcomes(id)).toEqual(['lost']);
      const recurring = await enqueue();
      await claim();
      await cancel(recurring);
      expect(await claim(NOW + LEASE, { recurring: true })).toMatchObject({ id: recurring, fence: 2 });
      expect((await find(recurring))?.cancelAt).toBeUndefined();
    });

    it('keeps the progress of the attempt that runs or ran last', async () => {
      const id = await enqueue();
      await claim();
      const progress = { done: 3, total: 9, unit: 'files' };
      await write(metadata(), ({ tasks }) => tasks.heartbeat(id, 1, NOW + LEASE, progress));
      await write(metadata(), ({ tasks }) => tasks.heartbeat(id, 1, NOW + LEASE));
      expect((await find(id))?.progress).toEqual(progress);
      expect((await claim(NOW + LEASE))?.progress).toBeUndefined();
      expect((await find(id))?.progress).toBeUndefined();
      const end = { outcome: 'done', progress: { done: 9, unit: 'files' } } as const;
      await write(metadata(), ({ tasks }) => tasks.finish(id, 2, end, NOW));
      expect((await find(id))?.progress).toEqual({ done: 9, unit: 'files' });
    });

    it('gives a recurring task another time only when its schedule has changed', async () => {
      const plan = (runAt: number, text: string, now = NOW) =>
        write(metadata(), ({ tasks }) =>
          tasks.schedule(newId(), sampleTask({ type: 'purge', key: 'purge', runAt }), text, now),
        );
      const when = async () => (await metadata().tasks.list({ type: 'purge' }, 9)).map(({ runAt }) => runAt);
      expect(await plan(NOW + 5, 'at five')).toBe(true);
      expect(await plan(NOW + 9, 'at five')).toBe(false);
      expect(await when()).toEqual([NOW + 5]);
      expect(await plan(NOW + 9, 'at nine')).toBe(true);
      expect(await when()).toEqual([NOW + 9]);
      expect((await claim(NOW + HOUR))?.type).toBe('purge');
      expect(await plan(NOW + 11, 'at eleven')).toBe(true);
      expect(await when()).toEqual([NOW + 9]);
      expect((await metadata().tasks.types()).find(({ type }) => type === 'purge')?.schedule).toBe(
        'at eleven',
      );
    });

    it('claims one task by its id, when it is due and free', async () => {
      const id = await enqueue({ runAt: NOW + 5 });
      const only = (now: number, node = 'n2') =>
        write(metadata(), ({ tasks }) => tasks.claimThis(id, { node, now, leaseMs: LEASE }));
      expect(await only(NOW)).toBeUndefined();
      expect(await only(NOW + 5)).toMatchObject({ id, node: 'n2', fence: 1, attempts: 1, state: 'running' });
      expect(await only(NOW + 6)).toBeUndefined();
      expect(await only(NOW + 5 + LEASE, 'n3')).toMatchObject({ id, node: 'n3', fence: 2 });
      expect(
        await write(metadata(), ({ tasks }) => tasks.claimThis(newId(), { node: 'n', now: NOW, leaseMs: 1 })),
      ).toBeUndefined();
    });

    it('pages through a list without leaving out or repeating one, in every filter', async () => {
      for (let i = 0; i < 12; i += 1)
        await enqueue({ type: i % 2 === 0 ? 'compose' : 'purge' }, NOW + Math.floor(i / 4));
      for (let i = 0; i < 5; i += 1) await claim(NOW + 9);
      for (const filter of [
        {},
        { type: 'compose' },
        { state: 'pending' },
        { type: 'purge', state: 'pending' },
      ] as const) {
        const whole = await metadata().tasks.list(filter, 100);
        const paged: string[] = [];
        for (let after: { createdAt: number; id: string } | undefined; ; ) {
          const page = await metadata().tasks.list({ ...filter, after }, 2);
          paged.push(...page.map(({ id }) => id));
          after = page.at(-1);
          if (after === undefined) break;
        }
        expect(paged).toEqual(whole.map(({ id }) => id));
        expect(whole.length).toBeGreaterThan(3);
      }
    });

    it('keeps the last attempts of a task that never ends, and a long error only in part', async () => {
      const id = await enqueue();
      await write(metadata(), async ({ tasks }) => {
        for (let fence = 1; fence <= KEPT_ATTEMPTS + 5; fence += 1) {
          await tasks.claimThis(id, { node: 'n1', now: NOW, leaseMs: LEASE });
          await tasks.finish(id, fence, { outcome: 'retry', runAt: NOW, error: 'x'.repeat(50_000) }, NOW);
        }
      });
      const attempts = await metadata().tasks.attempts(id);
      expect(attempts).toHaveLength(KEPT_ATTEMPTS);
      expect(attempts.at(-1)).toMatchObject({ fence: KEPT_ATTEMPTS + 5, outcome: 'retry' });
      expect((await find(id))?.lastError?.length).toBeLessThan(5000);
    });
  });
}
